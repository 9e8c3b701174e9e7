/** The stream that holds what concerns everybody: people and the directory of public channels. */
export const WORKSPACE_STREAM = 'workspace';
