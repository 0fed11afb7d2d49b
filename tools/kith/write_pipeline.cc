#include "tools/kith/write_pipeline.h"

#include <algorithm>
#include <thread>

#include "node/view/connections.h"
#include "node/view/text.h"

namespace kith::tools {
namespace {

constexpr std::chrono::milliseconds kBusyPause{5};

Client connected(const std::string& address, Client::Duration timeout) {
  check_listening(address, timeout);
  return Client::connect(address, timeout);
}

}  // namespace

WritePipeline::WritePipeline(std::string address, std::size_t window, Client::Duration timeout, OnReply on_reply)
    : address_(std::move(address)),
      window_(std::max<std::size_t>(window, 1)),
      timeout_(timeout),
      on_reply_(std::move(on_reply)),
      client_(connected(address_, timeout)) {}

void WritePipeline::submit(Request request, std::uint64_t label) {
  while (waiting_.size() >= window_) take_reply();
  if (!request.tag) request.tag = client_.mint_tag();
  const std::uint64_t id = client_.send(request);
  waiting_.emplace(id, Waiting{std::move(request), label});
}

void WritePipeline::drain() {
  while (!waiting_.empty()) take_reply();
}

std::optional<std::uint64_t> WritePipeline::first_unanswered() const {
  std::optional<std::uint64_t> first;
  for (const auto& [id, waiting] : waiting_) first = std::min(first.value_or(waiting.label), waiting.label);
  return first;
}

std::vector<Request> WritePipeline::unanswered() const {
  std::vector<Request> out;
  for (const auto& [id, waiting] : waiting_) out.push_back(waiting.request);
  return out;
}

void WritePipeline::take_reply() {
  const std::optional<ClientReply> reply = client_.receive(timeout_);
  if (!reply) return send_again();
  const auto found = waiting_.find(reply->id);
  if (found == waiting_.end()) return;
  if (reply->code == "busy") {  // Nothing was done, says the node.
    Waiting waiting = std::move(found->second);
    waiting_.erase(found);
    std::this_thread::sleep_for(kBusyPause);
    const std::uint64_t id = client_.send(waiting.request);
    waiting_.emplace(id, std::move(waiting));
    return;
  }
  const std::uint64_t label = found->second.label;
  waiting_.erase(found);
  again_ = false;
  on_reply_(label, *reply);
}

void WritePipeline::send_again() {
  if (again_) {
    throw ClientError(ClientError::Kind::kTimeout, address_ + " has not answered for " +
                                                       duration_in_words(2 * timeout_.count()) + "; " +
                                                       count_of(waiting_.size(), "write", "writes") +
                                                       " may or may not have happened");
  }
  again_ = true;
  std::map<std::uint64_t, Waiting> unanswered;
  unanswered.swap(waiting_);
  try {
    client_ = connected(address_, timeout_);
    for (auto& [old_id, waiting] : unanswered) {
      const std::uint64_t id = client_.send(waiting.request);
      waiting_.emplace(id, waiting);
    }
  } catch (const ClientError& error) {
    waiting_ = std::move(unanswered);
    throw ClientError(ClientError::Kind::kTimeout, std::string(error.what()) + "; " +
                                                       count_of(waiting_.size(), "write", "writes") +
                                                       " may or may not have happened");
  }
}

}  // namespace kith::tools
