// tools/kith/shell_news.h -- what a person at the shell is told of the cluster, a line for each thing that happened.
//
//     Reconnected to Kith cluster warehouse13 at 127.0.0.1:8697
//     Known nodes:
//     127.0.0.1:9876
//     127.0.0.1:8697
//     WARNING: cluster size (1) is smaller than a replication factor (2)!
//
// Tests: tests/tools/shell_test.cc
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "node/client.h"

namespace kith::tools {

class ShellNews {
 public:
  explicit ShellNews(const Client& client) : client_(client) {}

  std::string greeting();  // The first of all.
  std::string since();     // Since the last time: lines with their ends; empty: nothing.

 private:
  std::string connected_as(const std::string& word);
  std::string changes(const Roster& now) const;

  const Client& client_;
  std::uint64_t moves_ = 0;
  std::string address_;
  Roster roster_;                       // As the person knows it.
  bool told_lost_ = false;
  std::optional<std::chrono::steady_clock::time_point> lost_at_;
};

}  // namespace kith::tools
