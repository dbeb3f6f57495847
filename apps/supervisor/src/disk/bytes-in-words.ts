const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB'];

/** `1.5 GB`, in powers of 1024 as the settings are. */
export function bytesInWords(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${Math.round((bytes / 1024 ** power) * 10) / 10} ${UNITS[power]}`;
}
