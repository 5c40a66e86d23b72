import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { childrenOfRoot, cleanTitle, isViewable, isWindowId, managedWindows, windowsOfTree } from '../../../../src/devices/desktop/desktop-text.ts';

const TREE = `
xwininfo: Window id: 0x50d (the root window) (has no name)

  Root window id: 0x50d (the root window) (has no name)
  Parent window id: 0x0 (none)
     6 children:
     0x20002c "Größe: ("a" "b")  1x1+0+0": ("xmessage" "Xmessage")  400x200+50+60  +50+60
        1 child:
        0x20002d (has no name): ()  400x200+0+0  +51+61
     0x300001 "Cloister panel": ("chromium" "Chromium")  1280x800+0+0  +0+0
     0x300002 "Boardroom": ("127.0.0.1__display" "Chromium")  1920x1080+1280+0  +1280+0
     0x400001 (has no name): ("viewer" "Viewer")  640x480+-3+-4  +-3+-4
     0x500001 "menu": ("menu" "Menu")  10x10+0+0  +0+0
`;

describe('the windows of a desktop', () => {
  it('are those of programs, with their titles, without this room’s own pages and what is no window to people', () => {
    assert.deepEqual(windowsOfTree(TREE), [
      { id: '0x20002c', title: 'Größe: ("a" "b")  1x1+0+0' },
      { id: '0x400001', title: 'Viewer' }
    ]);
    assert.deepEqual(childrenOfRoot(TREE).includes('0x20002c'), true);
  });

  it('are told apart by a window manager where there is one', () => {
    assert.deepEqual(managedWindows('_NET_CLIENT_LIST(WINDOW): window id # 0x20002c, 0x400001'), ['0x20002c', '0x400001']);
    assert.deepEqual(managedWindows('_NET_CLIENT_LIST(WINDOW): window id # '), []);
    assert.equal(managedWindows('_NET_CLIENT_LIST:  not found.'), null);
    assert.deepEqual([isViewable('  Map State: IsViewable\n'), isViewable('  Map State: IsUnMapped\n'), isViewable('')], [true, false, false]);
  });

  it('have titles that are somebody’s text: cut, and without what steers a page', () => {
    assert.equal(cleanTitle('a\u202eb\u0007c'), 'a b c');
    assert.equal(cleanTitle('x'.repeat(500)).length, 120);
  });

  it('never make an id of anything but hex digits, whatever is printed', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (id, title) => {
        for (const found of windowsOfTree(`     ${id} "${title}": ("a" "b")  100x100+0+0  +0+0`)) assert.equal(isWindowId(found.id), true);
      })
    );
    for (const bad of ['0x1 -display :9', '-root', '0x1\n', '0x123456789', '1']) assert.equal(isWindowId(bad), false);
  });
});
