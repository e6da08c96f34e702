/** The version of this package, as it travels in the agent string (`spaces/<version>`). */
export const VERSION = '0.1.0';
