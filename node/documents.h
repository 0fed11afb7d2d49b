// node/documents.h -- what a node says of itself to clients, as JSON text: hello and status.
#pragma once

#include <cstdint>
#include <string>

#include "gossip/engine.h"
#include "store/store.h"

namespace kith {

class Faults;
struct FrontCounters;
struct ScrubCounters;
struct TransportCounters;

struct NodeFacts {
  const EngineStatus& engine;
  std::string data{};
  std::string client_address{};  // As bound.
  std::string peer_address{};
  std::int64_t started_wall_ms = 0;
  std::int64_t uptime_ms = 0;
  std::int64_t gossip_interval_ms = 0;
  std::uint64_t root = 0;
  std::int64_t root_since_wall_ms = 0;
  Store::Usage usage{};
  bool stopping = false;
  const FrontCounters* front = nullptr;
  const TransportCounters* transport = nullptr;
  const Faults* faults = nullptr;       // Null: not allowed.
  const ScrubCounters* scrub = nullptr; // Null: it is off.
  std::size_t requests_in_flight = 0;
  std::string redone_path{};            // node/redone_file.h
  std::uint64_t redone_lines = 0;       // 0: there is no such file.
};

std::string hello_document(const NodeFacts& facts);
std::string status_document(const NodeFacts& facts);

}  // namespace kith
