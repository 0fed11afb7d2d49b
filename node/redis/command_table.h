// node/redis/command_table.h -- all commands of the Redis port: how they are called, what they read and write, what to say of them.
//
// What COMMAND, COMMAND DOCS and docs/REDIS.md say comes from here.  Tests: tests/node/redis_commands_test.cc
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "crdt/cell_key.h"

namespace kith::redis {

struct Call;

// Kinds of cells that a command looks at before it answers.  What the same client has written of those must be durable by
// then; other writes of it may still be on their way.
using Kinds = std::uint8_t;
inline constexpr Kinds kNothing = 0, kTexts = 1, kCounters = 2, kSets = 4, kHashes = 8, kFieldCounters = 16;
inline constexpr Kinds kStrings = kTexts | kCounters, kFields = kHashes | kFieldCounters, kEverything = kStrings | kSets | kFields;

enum class CommandFlags : std::uint8_t {
  kNone = 0,
  kWrite = 1,        // May change data.
  kReadsOnly = 2,
  kStranger = 4,     // Allowed before AUTH.
  kSession = 8,      // Changes the connection: carried out by the session itself.
  kNotInMulti = 16,
  kRefused = 32,     // Known, and answered with why it is not done here.
  kSubscriber = 64,  // Allowed to who has subscribed, in RESP2.
};
constexpr CommandFlags operator|(CommandFlags a, CommandFlags b) {
  return static_cast<CommandFlags>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr bool has(CommandFlags flags, CommandFlags flag) {
  return (static_cast<std::uint8_t>(flags) & static_cast<std::uint8_t>(flag)) != 0;
}

struct CommandSpec {
  std::string_view name;       // Lower case.
  int arity = 0;               // Arguments, the name among them; negative: at least so many.
  CommandFlags flags = CommandFlags::kNone;
  Kinds looks_at = kNothing;
  int first_key = 0, last_key = 0, key_step = 0;  // As COMMAND tells them.
  std::string_view group;      // generic, string, set, hash, connection, server, transactions, pubsub
  std::string_view syntax;     // Of what stands behind the name: "key value [EX seconds]".
  std::string_view summary;    // One sentence; of a refused one: why.
  void (*carry_out)(Call& call) = nullptr;  // Null: the session does.

  bool arity_fits(std::size_t arguments) const {
    return arity >= 0 ? arguments == static_cast<std::size_t>(arity) : arguments >= static_cast<std::size_t>(-arity);
  }
};

// In the order of their names.
const std::vector<CommandSpec>& command_table();
const CommandSpec* find_command(std::string_view name);  // Any case.  Null: there is none.

}  // namespace kith::redis
