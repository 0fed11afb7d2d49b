// tests/node/kithd_process.h -- the real kithd as a child process, for tests.
//
//     KithdProcess n1({.data = dir / "n1", .name = "n1"});          // free ports, chosen by the system
//     KithdProcess n2({.data = dir / "n2", .name = "n2", .join = {n1.peer_address()}});
//     n1.wait_ready();  Client c = n1.connect();
//     n1.kill();  n1.restart();                                     // the same ports and directory
//
// Ends what it started, by pid, when it is destroyed.  Belongs to one thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "node/client.h"

namespace kith {

class KithdProcess {
 public:
  struct Options {
    std::string data;
    std::string name;
    std::vector<std::string> join{};
    std::vector<std::string> flags{};       // More of them.
    std::string client = "127.0.0.1:0";
    std::string peer = "127.0.0.1:0";
    std::string program{};                  // Another kithd than the one that was built; empty: that.
  };
  struct Exit {
    int code = -1;    // -1: ended by a signal.
    int signal = 0;
  };

  // Starts it; does not wait.
  explicit KithdProcess(Options options);
  ~KithdProcess();
  KithdProcess(KithdProcess&& other) noexcept;
  KithdProcess& operator=(KithdProcess&&) = delete;

  // Waits until it listens; addresses as it wrote them.  Throws std::runtime_error with its log when it ends before.
  const std::string& client_address();
  const std::string& peer_address();
  // Where it really listens for peers, whatever address it tells others (--advertise-peer).
  std::string bound_peer_address();
  std::string port_address(const std::string& name);  // Of another port that it was told to open: "http", "redis".
  std::string redis_address() { return port_address("redis"); }

  // Waits until it belongs to a cluster, and takes writes.  The same error.
  void wait_ready();
  Client connect();

  pid_t pid() const { return pid_; }
  bool running();
  void send_signal(int number) const;
  Exit wait_exit();                      // A minute at most, then it is killed.
  Exit terminate();                      // SIGTERM, and waits.
  void kill();                           // SIGKILL, and waits.
  void restart();                        // REQUIRES: ended.  On the ports that it had.
  std::string output() const;            // All lives: stdout and stderr.

 private:
  void spawn();
  void wait_listening();
  std::string find_port(const std::string& name);  // Empty: it has none.
  [[noreturn]] void give_up(const std::string& what);

  Options options_;
  std::string log_path_;
  pid_t pid_ = -1;
  std::optional<Exit> exit_;
  std::string client_address_;
  std::string peer_address_;
  std::string bound_peer_address_;
};

// The kithd that was built.
std::string kithd_path();

// Runs kithd with these arguments to its end: for what is refused.
struct KithdRun {
  int code = -1;
  std::string output;  // stdout and stderr.
};
KithdRun run_kithd(const std::vector<std::string>& arguments);

// Polls `done` until it is true, a minute at most.  Returns whether it became true.
template <class Condition>
bool eventually(Condition done, std::chrono::seconds most = std::chrono::seconds(60));

}  // namespace kith

#include <thread>

template <class Condition>
bool kith::eventually(Condition done, std::chrono::seconds most) {
  const auto deadline = std::chrono::steady_clock::now() + most;
  while (!done()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}
