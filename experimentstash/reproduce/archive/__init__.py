"""Archives: one file with a stash at a tag and all that it takes to reproduce it.

writer            an archive written: whole, or not at all
unpack            an archive checked, its digest first; what it holds, unpacked
git_bundles       the stash and its tools as members: git bundles, the same bytes from every clone
packfiles         packfiles looked through before git unpacks them
archive_manifest  what an archive says of itself
tar               the file: a tar of which each byte follows from what it holds
"""
