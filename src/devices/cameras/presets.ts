// Positions of cameras kept by name in the room's data folder, for every kind of camera: not in a camera's own memory, which goes when it is replaced.
// Invariants: at most 32 a camera; names are bounded and printable; what could not be written is not so in memory either.
import type { KeptFile } from '../../config/kept-file.ts';
import { CloisterError } from '../../kernel/errors.ts';
import { CAMERA_AXES, type CameraPosition, refused } from './camera-control.ts';

/** `camera`: the identity of the device. */
export type CameraPreset = { readonly camera: string; readonly name: string; readonly position: CameraPosition };

export type CameraPresets = {
  start(): Promise<void>;
  names(camera: string): readonly string[];
  /** @throws CloisterError CL_DEVICE_CONTROL: there is none of this name */
  position(camera: string, name: string): CameraPosition;
  /** In place of one of the same name. @throws CloisterError CL_DEVICE_CONTROL: the name or position cannot be kept, or it is one too many */
  save(camera: string, name: string, position: CameraPosition): Promise<void>;
  /** @throws CloisterError CL_DEVICE_CONTROL: there is none of this name */
  remove(camera: string, name: string): Promise<void>;
};

const MAX_PER_CAMERA = 32;
const MAX_CAMERAS = 64;
const MAX_NAME = 64;

export function createCameraPresets(file: KeptFile<readonly CameraPreset[]>): CameraPresets {
  let presets: readonly CameraPreset[] = [];
  let last: Promise<unknown> = Promise.resolve();

  const find = (camera: string, name: string): CameraPreset => {
    const wanted = asName(name);
    const found = presets.find((preset) => preset.camera === camera && preset.name === wanted);
    if (found === undefined) throw refused('this camera has no preset of this name');
    return found;
  };
  /** One after the other. */
  const change = (next: () => readonly CameraPreset[]): Promise<void> => {
    const mine = last.then(async () => {
      const changed = next();
      try {
        await file.write(changed);
      } catch (cause) {
        throw new CloisterError('CL_INTERNAL', 'the presets cannot be written', { cause });
      }
      presets = changed;
    });
    last = mine.catch(() => {});
    return mine;
  };

  return {
    async start() {
      presets = await file.read();
    },
    names: (camera) => presets.filter((preset) => preset.camera === camera).map(({ name }) => name),
    position: (camera, name) => find(camera, name).position,
    async save(camera, name, position) {
      const preset = asPreset({ camera, name: asName(name), position });
      if (preset === null) throw refused('this position cannot be kept');
      await change(() => {
        const others = presets.filter((other) => other.camera !== camera || other.name !== preset.name);
        const same = others.filter((other) => other.camera === camera).length;
        if (same >= MAX_PER_CAMERA) throw refused(`a camera has ${MAX_PER_CAMERA} presets at most`);
        if (same === 0 && new Set(others.map((other) => other.camera)).size >= MAX_CAMERAS) throw refused(`presets of ${MAX_CAMERAS} cameras are kept at most`);
        return [...others, preset].sort((a, b) => compare(a.camera, b.camera) || compare(a.name, b.name));
      });
    },
    async remove(camera, name) {
      await change(() => {
        const gone = find(camera, name);
        return presets.filter((preset) => preset !== gone);
      });
    }
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** @throws CloisterError CL_DEVICE_CONTROL */
function asName(name: string): string {
  const plain = name.normalize('NFC').trim();
  if (!isName(plain)) throw refused(`a preset's name has 1 to ${MAX_NAME} printable characters`);
  return plain;
}

const isName = (name: string): boolean => name.length >= 1 && name.length <= MAX_NAME && /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u.test(name);

/** The form of the file. Somebody may have edited it. */
export const cameraPresets = {
  parse(rows: unknown): readonly CameraPreset[] {
    if (!Array.isArray(rows) || rows.length > MAX_CAMERAS * MAX_PER_CAMERA) throw new CloisterError('CL_INTERNAL', 'not a list of presets');
    return rows.map((row: unknown) => {
      const preset = asPreset(row);
      if (preset === null) throw new CloisterError('CL_INTERNAL', 'not a preset');
      return preset;
    });
  }
};

function asPreset(row: unknown): CameraPreset | null {
  if (typeof row !== 'object' || row === null || !('camera' in row && 'name' in row && 'position' in row)) return null;
  const { camera, name, position } = row;
  if (typeof camera !== 'string' || camera.length < 1 || camera.length > 256 || typeof name !== 'string' || !isName(name)) return null;
  if (typeof position !== 'object' || position === null) return null;
  const known = new Map<string, unknown>(Object.entries(position));
  const axes = CAMERA_AXES.filter((axis) => known.get(axis) !== undefined);
  const values = axes.map((axis) => [axis, known.get(axis)] as const);
  if (axes.length === 0 || !values.every(([, value]) => Number.isSafeInteger(value))) return null;
  return { camera, name, position: Object.fromEntries(values) };
}
