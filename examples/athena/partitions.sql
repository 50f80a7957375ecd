-- The partitions of a merge: those of its sources, and a month's own. A day is 2026-12-05, a month 2026-12: no
-- partition projection has both, so they are added; what is there already stays as it is.
ALTER TABLE `@TABLE@` ADD IF NOT EXISTS
@ADDED@
