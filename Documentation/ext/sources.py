# SPDX-License-Identifier: MIT
"""Sphinx directives that read the sources when the pages are built, so that
what they show is never older than the code.

	.. files:: lib/base         a line a file: the first sentence of its head
	.. kernel-doc:: path.h      a header's head comment and kernel-doc structs
	.. kept-instructions:: path.json  the kept figures of make bench-instr

Text is taken as it is, not parsed as reStructuredText: a comment need not know
that it is shown.
"""
import glob
import json
import os
import re

from docutils import nodes
from docutils.parsers.rst import Directive

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), '../..'))
SOURCES = ('*.c', '*.h', '*.py')
FIELD = re.compile(r'@(\w+): *(.*)')


def read(path):
    with open(os.path.join(TOP, path)) as handle:
        return handle.read()


def comment_lines(text):
    """The lines of a C comment without its stars."""
    body = text.strip().removeprefix('/*').removesuffix('*/').lstrip('*')
    return [re.sub(r'^ \* ?| \*$', '', line.rstrip())
            for line in body.strip('\n').split('\n')]


def paragraphs(lines):
    """Lists of lines that blank lines part."""
    block = []
    for line in lines + ['']:
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []


def head_comment(path):
    text = read(path)
    if path.endswith('.py'):
        found = re.search(r'"""(.*?)"""', text, re.S)
        return found[1].split('\n') if found else []
    found = re.search(r'/\*.*?\*/', text.split('\n', 1)[1], re.S)
    return comment_lines(found[0]) if found else []


def first_sentence(path):
    for block in paragraphs(head_comment(path)):
        text = ' '.join(line.strip() for line in block)
        return re.split(r'[.](?=\s+[A-Z]|$)', text)[0].strip(' .')
    return ''


def purpose(stem, paths):
    """A header says what its pair is for; a .c file alone for itself."""
    ordered = sorted(paths, key=lambda p: not p.endswith('.h'))
    for path in ordered:
        sentence = first_sentence(path)
        if sentence:
            return sentence
    raise ValueError(f'{stem}: no head comment says what it is')


class Files(Directive):
    """A definition list of a directory's sources, pairs in one entry."""
    required_arguments = 1

    def run(self):
        where = self.arguments[0]
        env = self.state.document.settings.env
        stems = {}
        for pattern in SOURCES:
            for path in glob.glob(f'{TOP}/{where}/{pattern}'):
                path = os.path.relpath(path, TOP)
                stems.setdefault(os.path.splitext(path)[0], []).append(path)
        if not stems:
            raise self.error(f'{where}: no source file there')
        listing = nodes.definition_list()
        for stem, paths in sorted(stems.items()):
            for path in paths:
                env.note_dependency(os.path.join(TOP, path))
            ends = ', '.join(sorted(os.path.splitext(p)[1] for p in paths))
            name = os.path.basename(stem)
            listing += nodes.definition_list_item(
                '', nodes.term('', '', nodes.literal('', name),
                               nodes.Text(f' ({ends})')),
                nodes.definition('', nodes.paragraph(
                    '', purpose(stem, paths) + '.')))
        return [listing]


def code(text):
    block = nodes.literal_block(text, text)
    block['language'] = 'c'
    return block


def definitions(pairs):
    out = nodes.definition_list()
    for term, text in pairs:
        out += nodes.definition_list_item(
            '', nodes.term('', '', nodes.literal('', term)),
            nodes.definition('', nodes.paragraph('', text)))
    return out


def section(title, anchor):
    out = nodes.section(ids=[anchor], names=[anchor])
    out += nodes.title('', title)
    return out


def chunks(text):
    """Parts of a header between blank lines outside comments and braces."""
    found, depth, in_comment = [], 0, False
    for line in text.split('\n') + ['']:
        if not line.strip() and not depth and not in_comment:
            if found:
                yield '\n'.join(found)
            found = []
            continue
        found.append(line)
        if not in_comment:
            depth += line.count('{') - line.count('}')
        in_comment = line.rfind('/*') > line.rfind('*/') or \
            in_comment and '*/' not in line


class KernelDoc(Directive):
    """A header as a page: prose of its head, then a section a struct."""
    required_arguments = 1

    def prose(self, lines):
        """Flush-left lines are headings, indented ones their text."""
        out = []
        for line in lines:
            if line and not line[0].isspace() and len(line) < 72 and \
                    not line.endswith('.'):
                out.append((line, []))
            elif out:
                out[-1][1].append(line)
        return out

    def head(self, lines):
        for title, body in self.prose(lines):
            part = section(title.split(',')[0], title.split(',')[0].lower())
            rows = [re.match(r'\t([A-Z0-9]+)\t+(.*)', li) for li in body]
            if any(rows):
                part += self.table(body)
            else:
                for block in paragraphs(body):
                    part += nodes.paragraph('', ' '.join(
                        li.strip() for li in block))
            yield part

    def table(self, body):
        pairs = []
        for line in body:
            row = re.match(r'\t([A-Z0-9]+)\t+(.*)', line)
            if row:
                pairs.append([row[1], row[2]])
            elif pairs and line.strip():
                pairs[-1][1] += ' ' + line.strip()
        return definitions(pairs)

    def struct(self, before, chunk, after):
        comment, rest = chunk.split('*/', 1)
        lines = comment_lines(comment + '*/')
        name, _, summary = ' '.join(lines[:1]).partition(' - ')
        part = section(name, name.replace(' ', '-').replace('_', '-'))
        fields, prose, last = [], [], None
        for line in lines[1:]:
            match = FIELD.match(line)
            if match:
                last = [match[1], match[2]]
                fields.append(last)
            elif not line.strip():
                last = None
                prose.append('')
            elif last:
                last[1] += ' ' + line.strip()
            else:
                prose.append(line)
        if summary:
            part += nodes.paragraph('', summary[0].upper() + summary[1:] + '.')
        part += definitions(fields)
        for block in paragraphs(prose):
            part += nodes.paragraph('', ' '.join(x.strip() for x in block))
        part += code('\n\n'.join(before + [rest.strip()] + after))
        return part

    def run(self):
        path = self.arguments[0]
        self.state.document.settings.env.note_dependency(
            os.path.join(TOP, path))
        out, before, structs = [], [], []
        for nr, chunk in enumerate(chunks(read(path))):
            if nr == 0:
                out += list(self.head(head_comment(path)))
            elif chunk.startswith('/**'):
                structs.append((before, chunk, []))
                before = []
            elif structs and re.match(r'#define \w+\s+_IO\(', chunk):
                structs[-1][2].append(chunk)
            elif not chunk.startswith(('#ifndef', '#include', '#endif')):
                before.append(chunk)
        if not structs:
            raise self.error(f'{path}: nothing to show')
        out += [self.struct(*parts) for parts in structs]
        if before:
            out.append(code('\n\n'.join(before)))
        return out


class KeptInstructions(Directive):
    """A table of the figures that `make check` holds the library to."""
    required_arguments = 1

    def row(self, *cells):
        return nodes.row('', *[nodes.entry('', nodes.paragraph('', c))
                               for c in cells])

    def run(self):
        path = self.arguments[0]
        self.state.document.settings.env.note_dependency(
            os.path.join(TOP, path))
        rows = json.loads(read(path))['rows']
        group = nodes.tgroup('', nodes.colspec(colwidth=30),
                             nodes.colspec(colwidth=14), cols=2)
        group += nodes.thead('', self.row('row', 'instructions'))
        group += nodes.tbody('', *[self.row(name, f'{count:.1f}')
                                   for name, count in rows.items()])
        return [nodes.table('', group)]


def setup(app):
    app.add_directive('kept-instructions', KeptInstructions)
    app.add_directive('files', Files)
    app.add_directive('kernel-doc', KernelDoc)
    return {'version': '1', 'parallel_read_safe': True}
