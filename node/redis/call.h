// node/redis/call.h -- one command while it is carried out: what it was given, and what it leaves behind.
//
// A command either writes its answer to `out`, or adds writes and says how the answer is made of what the engine says to
// them; then whatever it put into `out` is the answer if that is Answer::kText.  An error is an answer like any other;
// fail() throws away what was written and added before.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/tag.h"
#include "node/client_protocol.h"
#include "node/redis/command_table.h"
#include "node/redis/reads.h"
#include "node/redis/resp_writer.h"

namespace kith::redis {

class Port;
class Cursors;
struct PortFacts;

// Who is connected.
struct ClientState {
  std::uint64_t id = 0;
  std::string address;       // Where from.
  std::string local_address; // Where to.
  std::string name;
  std::string library;
  std::string library_version;
  bool trusted = false;      // Said the password, or none is asked for.
  std::int64_t connected_ms = 0;
  std::size_t channels = 0, patterns = 0;  // That it subscribed to.
};

// How the engine's answers become one.
enum class Answer {
  kText,     // What is in `out`.
  kNumber,   // How many cells changed.
  kCreated,  // How many are there that were not.
  kTotal,    // What the counter stands at, and `base`.
  kOneOrNone,  // 1; 0 when there was nothing to do it to.
  kReplicas,   // How many others hold it: the least of all.
};

struct Call {
  const CommandSpec& spec;
  const std::vector<std::string_view>& arguments;  // The command's name first.
  RespWriter& out;
  Reads& reads;
  ClientState& client;
  Cursors& cursors;
  const PortFacts& facts;
  std::optional<Tag> tag;     // Of KITH.TAG.
  const std::size_t began;    // out.size() before.
  const Kinds pending;        // Kinds that the same client has written, not durable yet; none that the command looks at.

  std::vector<Request> writes = {};
  Answer answer = Answer::kText;
  std::int64_t base = 0;
  bool held = false;          // Nothing was done: it is to be carried out again when nothing is pending.

  std::string_view argument(std::size_t index) const { return arguments[index]; }
  std::size_t count() const { return arguments.size(); }

  // Adds a write.  The reference is good until the next one.
  Request& write(ClientOp op, std::string_view key);

  void fail(std::string_view error);   // With its code.
  void fail_syntax() { fail("ERR syntax error"); }
  // Of a command that, as it turns out, has to look at more: true when it has to be carried out again later.
  bool must_wait(Kinds kinds) { return held = (pending & kinds) != 0; }
  // Nothing, and the answer is an error, when it is none.
  std::optional<std::int64_t> integer(std::size_t index);
  bool failed() const { return failed_; }
  // True, and the answer is an error, when something could not be read.
  bool reads_failed();

  bool failed_ = false;
};

// ASCII only, as Redis compares words.
bool same_word(std::string_view a, std::string_view b);
std::string lower(std::string_view text);
std::string upper(std::string_view text);

}  // namespace kith::redis
