// What an IP address as text says of itself.

export const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';
