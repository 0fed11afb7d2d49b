// node/window.h -- what the ports beside the clients' own may see of a running node.
//
// Any thread, from the node's construction until its destruction; before start() and after it has stopped there is no
// status.  Implemented by node/node.cc.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "node/client_protocol.h"

namespace kith {

struct Config;
struct Meters;
class Snapshot;

class Window {
 public:
  virtual ~Window() = default;

  // The document of op "status", made by the engine's thread; nothing when that did not come to it in time.
  virtual std::optional<std::string> status(std::chrono::milliseconds timeout) = 0;

  // Answers from a snapshot of its own, on the caller's thread.  REQUIRES: answers_reads(request.op).
  virtual ClientReply read(const Request& request) = 0;

  // To be let go of at once: see Snapshot.
  virtual std::unique_ptr<Snapshot> snapshot() = 0;
  virtual std::uint32_t shard_count() const = 0;  // 0: not joined.

  virtual const Meters& meters() const = 0;
  virtual const Config& configuration() const = 0;
  virtual const std::string& client_address() const = 0;  // As others are told.
};

}  // namespace kith
