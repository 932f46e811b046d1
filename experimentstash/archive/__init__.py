"""Archives: one file with a stash at a tag and all that it takes to reproduce it.

making        an archive written: whole, or not at all
opening       an archive checked, its digest first; what it holds, unpacked
repositories  the stash and its tools as members: git bundles, the same bytes from every clone
packs         packfiles looked through before git unpacks them
manifest      what an archive says of itself
container     the file: a tar of which each byte follows from what it holds
"""
