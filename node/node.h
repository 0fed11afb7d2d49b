// node/node.h -- one running store: data directory, sockets, engine, threads.
//
//     clients --- Front ---+--- ReaderPool ---- Store (snapshots)
//                          +--- EngineThread -- Engine -- Store (commits)
//                          +--- Backups ------- Store (copies)
//                                 Scrub ------- Store (snapshots)
//     peers ---------------- Transport --+
//
// Construction does all that can be refused (directory, ports, store, setup), start() lets the world in.
// Tests, with the real program: tests/node/kithd_test.cc
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "node/config.h"
#include "node/window.h"

namespace kith {

// For people: why this node cannot run.
class NodeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The same, because it was told what its cluster, or its directory, does not agree with.
class NodeMisfit : public NodeError {
 public:
  using NodeError::NodeError;
};

class Node {
 public:
  // Takes the directory, listens, opens the store and begins a life.  Throws NodeError.
  explicit Node(const Config& config);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // `ready(line)` is called once, when the node belongs to a cluster; `finished()` when it stops, asked or not.  Both on
  // threads of the node.  `ports`: what else listens, as name and address, for the directory's list of addresses.
  void start(std::function<void(const std::string& line)> ready, std::function<void()> finished,
             const std::vector<std::pair<std::string, std::string>>& ports = {});

  Window& window();  // Lives as long as the node.

  // Takes no more work, answers what is in flight, hands over if it is to (Config::leave_ms), tells the peers.  Any thread.
  void stop();
  void hurry();  // Hand over no more.  Any thread.

  // Waits until it has stopped.  Returns why it stopped of itself, or what it left undone; empty when all is as it was asked to.
  std::string join();
  bool refused() const;  // That was why: it does not fit the cluster that it asked.  REQUIRES: join() has returned.

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
