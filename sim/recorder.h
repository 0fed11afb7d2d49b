// sim/recorder.h -- fills a Recording while a history runs.
#pragma once

#include <deque>
#include <unordered_map>
#include <vector>

#include "sim/machine.h"
#include "sim/recording.h"

namespace kith::sim {

class Recorder {
 public:
  Recorder(Recording& recording, const Scenario& scenario, const std::vector<std::unique_ptr<Machine>>& machines);

  void on_durable(const Machine& at, const StoreBatch& batch, OriginId own, std::int64_t now_us);
  void on_send(const Machine& from, std::size_t bytes);
  void on_life(const Machine& of, OriginId origin) { origins_[origin] = of.index; }
  void happened(std::int64_t at_us, const std::string& text);
  // Something is not as it should be from now on; until `end` of the same name.
  void begin(const std::string& name, Recording::Span::Kind kind, std::vector<std::uint32_t> nodes, const std::string& text, std::int64_t at_us);
  void end(const std::string& name, std::int64_t at_us);
  void end_all(std::int64_t at_us, Recording::Span::Kind kind);
  void end_everything(std::int64_t at_us);
  void sample(std::int64_t at_us);
  Recording& recording() { return recording_; }

 private:
  struct Stream {                          // All writes of one origin in one shard, in order of commit.
    std::vector<std::pair<Timestamp, std::size_t>> writes;
    std::vector<std::size_t> reached;      // Per machine: how many of them it holds for certain.
  };
  void count_garbage(std::int64_t at_us);
  void reach(std::size_t write, std::uint32_t machine, std::int64_t now_us);

  Recording& recording_;
  const std::vector<std::unique_ptr<Machine>>& machines_;
  std::map<std::pair<ShardId, OriginId>, Stream> streams_;
  std::map<Commit, std::size_t> writes_;   // By their commit.
  std::map<OriginId, std::uint32_t> origins_;
  std::map<std::string, std::size_t> open_;        // Spans.
  std::deque<std::int64_t> made_lately_us_;        // When: of each removal, deletion and increment.
  std::uint64_t made_ = 0;
  std::vector<std::uint64_t> bytes_, messages_;    // Since the last sample, per machine.
};

}  // namespace kith::sim
