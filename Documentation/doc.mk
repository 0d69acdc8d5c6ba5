# SPDX-License-Identifier: MIT
#
# The documentation: built by Sphinx with warnings as errors. Pages that are
# tables of the library are written by a program of ours and kept in the tree;
# a check compares them with what it writes now.

DOCS := $(BUILD)/docs
DOC_TABLES := $(DOCS)/tables
DOC_PAGES := options statistics

OBJS += $(BUILD)/Documentation/tables.o
$(BUILD)/Documentation/tables.o: PART_CFLAGS = -Ilib
$(DOC_TABLES): $(BUILD)/Documentation/tables.o
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

.PHONY: docs docs-tables
## docs: build the documentation into build/docs/html (Sphinx, warnings fail)
docs:
	$(Q)tools/deps.sh build docs
	$(Q)$(MAKE) docs-tables
	$(Q)LC_ALL=C.UTF-8 sphinx-build -q -W --keep-going -b html \
		-d $(DOCS)/doctrees Documentation $(DOCS)/html
	@echo '  DOCS    $(DOCS)/html/index.html'

## docs-tables: write the pages on options and statistics anew from the tables
docs-tables: $(DOC_TABLES)
	$(Q)$(foreach p,$(DOC_PAGES),$(DOC_TABLES) $(p) >Documentation/$(p).rst;)

INSTALL_MAN += Documentation/man/libashlar.3

# The check wants the program that writes the tables.
$(BUILD)/selftests/docs: Documentation/check $(DOC_TABLES)
	$(Q)mkdir -p $(@D)
	$(Q)ln -sf $(TOP)/$< $@
CHECK_FAST += $(BUILD)/selftests/docs
