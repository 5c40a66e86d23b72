#!/bin/bash
# Process 1 of the lab's guest, in the host's file system: devices, modules, then guest-server.ts, which does the rest on behalf of the host.
# /run/lab/settings (guest.ts writes it) has FOLDER, MODULES, KERNEL_MODULES, UDEV, EPOCH_SECONDS, NODE, PORT and what the environment is.
exec >/dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t debugfs debug /sys/kernel/debug
ln -sf /proc/self/fd /dev/fd
. /run/lab/settings
export PATH=$PATH:/usr/sbin:/sbin
give_up() {
  echo "lab: $1"
  echo 1 >/proc/sys/kernel/sysrq
  echo b >/proc/sysrq-trigger
  sleep 60
}
date -s "@$EPOCH_SECONDS" >/dev/null
hostname lab
version=$(uname -r)
if [ "$KERNEL_MODULES" != "/lib/modules/$version" ]; then
  mkdir -p "/lib/modules/$version"
  mount --bind "$KERNEL_MODULES" "/lib/modules/$version" || give_up "no modules of $version"
fi
modprobe virtio_net || give_up "no network"
ip link set lo up
for device in /sys/class/net/e*; do
  ip link set "${device##*/}" up
  ip addr add 10.0.2.15/24 dev "${device##*/}"
  ip route add default via 10.0.2.2
done
if [ -n "$UDEV" ]; then
  /lib/systemd/systemd-udevd --daemon
  udevadm trigger --action=add
  udevadm settle -t 120
fi
for module in "${MODULES[@]}"; do
  # Word splitting is meant: the name, then its options.
  modprobe $module || give_up "modprobe $module failed"
done
[ -z "$UDEV" ] || udevadm settle -t 120
cd "$FOLDER" || give_up "no $FOLDER"
"$NODE" test/lab/guest-server.ts "$PORT"
give_up "the server of the guest ended with $?"
