#!/bin/busybox sh
# First program of the lab's guest: makes the host's file system the root, read-only underneath, with memory on top, and goes on with guest-init.sh there.
B=/bin/busybox
$B mount -t proc proc /proc
$B mount -t devtmpfs dev /dev
for module in $($B cat /modules/order); do $B insmod "/modules/$module" || echo "lab: $module cannot be loaded"; done
$B mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=524288,cache=loose host /lower || $B reboot -f
$B mount -t tmpfs -o size=90% upper /upper
$B mkdir /upper/upper /upper/work
$B mount -t overlay -o lowerdir=/lower,upperdir=/upper/upper,workdir=/upper/work overlay /root || $B reboot -f
$B mount -t tmpfs run /root/run
$B mkdir /root/run/lab
$B cp /lab/* /root/run/lab/
$B umount /proc
$B umount /dev
exec $B switch_root /root /bin/bash /run/lab/guest-init.sh
