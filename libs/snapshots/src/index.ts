export { ADOPT_BASE, baseEnvironment, baseTree, CHECK_BASE, DRIFTED_EXIT_CODE, MAKE_BASE } from './base.scripts.js';
export { gitEnvironment } from './git-environment.js';
export { BASE, BEGIN_BRANCH, CLONE_HISTORY, LAST, LOOK_TREE, MAKE, OWN_BRANCH, PREPARE, SOURCE_TREE, sourceEnvironment, WRITE_TREE } from './tree.scripts.js';
