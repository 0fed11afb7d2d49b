// tools/demo/node_process.h -- one real kithd on this machine: started, waited for, stopped.
//
// Lives in DIRECTORY/NAME, logs to DIRECTORY/NAME.log, listens on ports the system picks, and after a restart on the
// same ones.  In a process group of its own, so that Ctrl-C at the terminal is ours alone to act on; and it dies with
// the thread that started it (PR_SET_PDEATHSIG), so start it from the main thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace kith::tools {

class NodeProcess {
 public:
  struct Options {
    std::string program;    // kithd.
    std::string directory;  // Of all nodes; exists.
    std::string name;
    std::vector<std::string> join;       // Peer addresses.
    std::vector<std::string> arguments;  // More, as they are.
  };

  explicit NodeProcess(Options options) : options_(std::move(options)) {}
  ~NodeProcess() { kill(); }
  NodeProcess(NodeProcess&& other) noexcept;
  NodeProcess& operator=(NodeProcess&&) = delete;

  // Starts it and waits until it listens.  Throws CommandError, with the end of its log, when it does not.
  // REQUIRES: !running().
  void start();

  // Peers to begin with from the next start on.
  void join_through(std::vector<std::string> peers) { options_.join = std::move(peers); }

  void kill();                                           // SIGKILL, and waits; nothing when not running.
  bool stop(std::chrono::milliseconds patience);         // SIGTERM; after `patience` SIGKILL.  False when it had to.
  bool running();

  const std::string& name() const { return options_.name; }
  const std::string& client_address() const { return client_address_; }  // Known from the first start on.
  const std::string& peer_address() const { return peer_address_; }
  const std::string& log_path() const { return log_path_; }
  pid_t pid() const { return pid_; }  // 0: not running.

 private:
  void spawn();
  bool read_addresses();
  [[noreturn]] void fail(const std::string& what);

  Options options_;
  std::string client_address_;
  std::string peer_address_;
  std::string log_path_;
  pid_t pid_ = 0;
};

// Ends every node of this process at once and lets no other be started: for a signal that ends us.  Any thread.
void kill_all_nodes_for_good();

// The kithd beside this executable.  Throws CommandError when there is none.
std::string kithd_beside_us();

}  // namespace kith::tools
