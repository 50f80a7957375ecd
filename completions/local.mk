# One file that completes for all tools; bash-completion looks for it under each tool's name.
completionsdir = $(datadir)/bash-completion/completions
dist_completions_DATA = %D%/vf.bash

install-data-hook:
	cd '$(DESTDIR)$(completionsdir)' && for tool in $(bin_PROGRAMS); do \
		$(LN_S) -f vf.bash "`basename $$tool $(EXEEXT)`" || exit 1; done
uninstall-hook:
	-cd '$(DESTDIR)$(completionsdir)' && for tool in $(bin_PROGRAMS); do rm -f "`basename $$tool $(EXEEXT)`"; done
