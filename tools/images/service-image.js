export const serviceImage = {};
