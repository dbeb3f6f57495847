/** Puts files of every kind into a workspace, the first half of them committed. */
export const PREPARE = [
  'mkdir -p src docs',
  "seq 1 40 > src/long.txt; printf 'alpha\\nbeta\\ngamma\\n' > src/edit.txt; printf 'bye\\n' > docs/gone.txt",
  "printf '\\000\\001\\377old' > logo.bin; printf '#!/bin/sh\\necho hi\\n' > tool.sh; printf 'no newline' > bare.txt; ln -s src/edit.txt link",
  'git add --all; git commit --quiet --message start',
  "printf 'not committed\\n' > loose.txt; printf 'ignored.log\\n' > .gitignore",
].join('\n');

/** Every kind of change that a diff can hold. */
export const EDIT = [
  "mkdir -p 'new dir/deep'; printf 'made\\n' > 'new dir/deep/ünï \"quoted\".txt'; : > empty.txt",
  "printf 'alpha\\nBETA\\r\\ngamma\\n' > src/edit.txt; printf 'changed\\n' >> loose.txt; printf 'still no newline' > bare.txt",
  "rm docs/gone.txt; mv src/long.txt src/renamed.txt; printf '\\000\\002\\376new' > logo.bin; printf '\\211PNG\\000' > added.bin",
  'chmod +x tool.sh; ln -sfn loose.txt link; echo noise > ignored.log',
].join('\n');

export const EDITED_FILES = [
  { path: 'added.bin', status: 'added', binary: true },
  { path: 'bare.txt', status: 'modified', additions: 1, deletions: 1 },
  { path: 'docs/gone.txt', status: 'deleted', additions: 0, deletions: 1 },
  { path: 'empty.txt', status: 'added', additions: 0, deletions: 0 },
  { path: 'link', status: 'modified', additions: 1, deletions: 1 },
  { path: 'logo.bin', status: 'modified', binary: true },
  { path: 'loose.txt', status: 'modified', additions: 1, deletions: 0 },
  { path: 'new dir/deep/ünï "quoted".txt', status: 'added', additions: 1, deletions: 0 },
  { path: 'src/edit.txt', status: 'modified', additions: 1, deletions: 1 },
  { path: 'src/renamed.txt', status: 'renamed', previous_path: 'src/long.txt', additions: 0, deletions: 0 },
  { path: 'tool.sh', status: 'modified', additions: 0, deletions: 0 },
];
