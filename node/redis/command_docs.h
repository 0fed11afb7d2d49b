// node/redis/command_docs.h -- the answers of COMMAND, COMMAND INFO and COMMAND DOCS, made from the table.
#pragma once

#include <string_view>
#include <vector>

#include "node/redis/resp_writer.h"

namespace kith::redis {

struct CommandSpec;

void answer_command_info(RespWriter& out, const CommandSpec* spec);  // Null: there is no such command.
void answer_command_infos(RespWriter& out);
void answer_command_docs(RespWriter& out, const std::vector<std::string_view>& names);  // None: all.

// How a command is called, read from its syntax: "key value [key value ...]", "[EX seconds]".
struct ArgumentSpec {
  std::string_view name;
  std::string_view token;   // A word that stands before it; by itself when there is no name.
  bool optional = false;
  bool multiple = false;
  std::vector<ArgumentSpec> block;  // Several that are repeated together; then there is no name.

  friend bool operator==(const ArgumentSpec&, const ArgumentSpec&) = default;
};
std::vector<ArgumentSpec> parse_syntax(std::string_view syntax);

}  // namespace kith::redis
