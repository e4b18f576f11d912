"""Encodes and decodes messages with Google's own protobuf library, for protobuf-python.test.ts.

Reads the schema table named on the command line, by itself, so that a mistake of ours in reading it shows.
Standard input: {"cases": [{"type": full proto name, "json": proto3-style JSON, "bytes": base64}]}.
Standard output: [{"bytes": base64 of the encoded json, "same": whether the given bytes mean the same message}].
"""

import base64
import json
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

SCALARS = {"double": 1, "int64": 3, "uint64": 4, "int32": 5, "bool": 8, "string": 9, "bytes": 12, "uint32": 13}
LABELS = {"optional": 1, "required": 2, "repeated": 3, "map": 3}


def flat(name):
    return name.replace(".", "_")


def read_table(path):
    with open(path, encoding="utf-8") as table:
        rows = [line.rstrip("\n").split("\t") for line in table][1:]
    return [row + [""] * (7 - len(row)) for row in rows]


def resolve(kinds, scope, name):
    parts = scope.split(".")
    while True:
        candidate = ".".join(parts + [name])
        if candidate in kinds:
            return candidate
        parts.pop()


def set_type(field, kinds, scope, name):
    if name in SCALARS:
        field.type = SCALARS[name]
        return
    full = resolve(kinds, scope, name)
    if kinds[full] == "enum":
        field.type = 14
        # Names of enum values belong to what surrounds the enum, so that each enum gets a message around it.
        field.type_name = f".{flat(full)}.Enum"
    else:
        field.type = 11
        field.type_name = "." + flat(full)


def add_map_entry(message, field, kinds, scope, value_type):
    entry = message.nested_type.add(name="".join(p.capitalize() for p in field.name.split("_")) + "Entry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=1, type=9)
    set_type(entry.field.add(name="value", number=2, label=1), kinds, scope, value_type)
    field.type = 11
    field.type_name = f".{message.name}.{entry.name}"


def add_field(message, kinds, row):
    _, scope, name, number, rule, type_name, notes = row
    field = message.field.add(name=name, number=int(number), label=LABELS[rule])
    if rule == "map":
        add_map_entry(message, field, kinds, scope, type_name[len("map<string,") : -1])
    else:
        set_type(field, kinds, scope, type_name)
    words = notes.split()
    if "oneof" in words:
        group = words[words.index("oneof") + 1]
        groups = [declared.name for declared in message.oneof_decl]
        if group not in groups:
            message.oneof_decl.add(name=group)
            groups.append(group)
        field.oneof_index = groups.index(group)


def build(rows):
    kinds = {row[1]: "enum" if row[0] == "enum" else "message" for row in rows}
    file = descriptor_pb2.FileDescriptorProto(name="table.proto", syntax="proto2")
    messages = {name: file.message_type.add(name=flat(name)) for name in kinds}
    for row in rows:
        message = messages[row[1]]
        if row[0] == "field":
            add_field(message, kinds, row)
        elif row[0] == "enum":
            enum = message.enum_type[0] if message.enum_type else message.enum_type.add(name="Enum")
            if int(row[3]) in [value.number for value in enum.value]:
                enum.options.allow_alias = True
            enum.value.add(name=row[2], number=int(row[3]))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def main():
    pool = build(read_table(sys.argv[1]))
    results = []
    for case in json.load(sys.stdin)["cases"]:
        make = message_factory.GetMessageClass(pool.FindMessageTypeByName(flat(case["type"])))
        expected = json_format.ParseDict(case["json"], make())
        given = make.FromString(base64.b64decode(case["bytes"]))
        results.append(
            {"bytes": base64.b64encode(expected.SerializeToString()).decode(), "same": given == expected}
        )
    json.dump(results, sys.stdout)


main()
