// tools/kith/write_pipeline.h -- many writes to one node, a window of them on the way at a time.
//
// Every write carries a tag, minted when it is submitted.  When the node falls silent for the timeout, what is
// unanswered is sent again over a new connection, once, under the same tags: whatever was done the first time is not
// done again.  What the node was too busy for is sent again after a moment.  Belongs to one thread.  Memory: the writes
// in the window.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "node/client.h"

namespace kith::tools {

class WritePipeline {
 public:
  // `label` is the caller's own, for example a line number.
  using OnReply = std::function<void(std::uint64_t label, const ClientReply& reply)>;

  // Connects.  Throws ClientError(kConnect).
  WritePipeline(std::string address, std::size_t window, Client::Duration timeout, OnReply on_reply);

  // Waits for room in the window; replies come in on the way.  Sets the request's tag unless it has one.
  // Throws ClientError(kLimit) when the request is too large (nothing was sent), kTimeout when the node is silent.
  void submit(Request request, std::uint64_t label);

  // Waits until all is answered.
  void drain();

  std::size_t in_flight() const { return waiting_.size(); }
  // What has no answer yet, tags included: to be sent through another node when this one is lost.
  std::vector<Request> unanswered() const;
  // The lowest label without an answer; nothing when all have one.
  std::optional<std::uint64_t> first_unanswered() const;

 private:
  struct Waiting {
    Request request;
    std::uint64_t label = 0;
  };

  void take_reply();
  void send_again();

  std::string address_;
  std::size_t window_;
  Client::Duration timeout_;
  OnReply on_reply_;
  Client client_;
  std::map<std::uint64_t, Waiting> waiting_;  // By request id.
  bool again_ = false;                        // What is unanswered was sent a second time.
};

}  // namespace kith::tools
