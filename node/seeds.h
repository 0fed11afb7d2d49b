// node/seeds.h -- whom a node asks to be let in: what --join names, made into addresses, again and again.
//
//     entry := HOST ':' PORT           all the addresses of the name
//            | "srv:" NAME             all the addresses of all targets of its SRV records
//
// Names may stand for other machines tomorrow, so they are looked up every few seconds until the node belongs to a cluster, and every
// half minute after: a member that hears of nobody asks whoever is there by then.  While nobody lets the node in, the addresses are
// looked at, and the log says what is wrong with each.
// Owns its thread.  Tests: tests/node/join_test.cc
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kith {

// What is wrong with an entry; nothing when it may be one.
std::optional<std::string> check_join_entry(const std::string& entry);

// Those of them that are addresses as they stand.
std::vector<std::string> plain_join_entries(const std::vector<std::string>& entries);

class Seeds {
 public:
  struct Callbacks {                                              // All on the thread of this.
    std::function<void(std::vector<std::string>)> found;          // All addresses; called each time.
    std::function<bool()> joined;
    std::function<void(const std::string&)> warn;
  };
  // `servers`: as in node/resolver.h.  `told`: the peer address under which members find this node.
  Seeds(std::vector<std::string> entries, const std::string& servers, const std::string& told, Callbacks callbacks);
  ~Seeds();
  Seeds(const Seeds&) = delete;
  Seeds& operator=(const Seeds&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
