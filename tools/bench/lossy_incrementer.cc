#include "tools/bench/lossy_incrementer.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "node/view/connections.h"

namespace kith::bench {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kConnectIn{1000};
constexpr milliseconds kConnectAgain{100};
// A node whose disk is busy takes a while; one that was killed never answers.
constexpr milliseconds kSilence{2000};
// For which a retry waits for another node; then it goes to the one it came from.
constexpr milliseconds kElsewhere{3000};
constexpr milliseconds kRefusedPause{5};

}  // namespace

struct LossyIncrementer::Link {
  std::string address;
  std::optional<Client> client;
  std::unordered_map<std::uint64_t, Increment> waiting;  // By request id.
  Clock::time_point heard;                               // Or began to wait.
  Clock::time_point connect_at;
  Clock::time_point paused_until;                        // It refused.
};

LossyIncrementer::LossyIncrementer(Options options, IncrementTally& tally)
    : options_(std::move(options)), tally_(tally), random_(options_.seed) {
  for (const std::string& address : options_.addresses) {
    links_.push_back(std::make_unique<Link>());
    links_.back()->address = address;
  }
}

LossyIncrementer::~LossyIncrementer() = default;

bool LossyIncrementer::idle() const {
  return again_.empty() && tally_.begun >= tally_.wanted &&
         std::all_of(links_.begin(), links_.end(), [](const auto& link) { return link->waiting.empty(); });
}

void LossyIncrementer::run(const std::atomic<bool>& stop) {
  while (!stop && !idle()) {
    bool heard = false;
    for (std::size_t at = 0; at < links_.size(); ++at) {
      if (!links_[at]->client) connect(*links_[at]);
      fill(at);
      heard = take_replies(at, milliseconds(0)) || heard;
    }
    if (heard) continue;
    const std::size_t at = random_() % links_.size();
    if (links_[at]->client) (void)take_replies(at, milliseconds(1));
    else std::this_thread::sleep_for(milliseconds(1));
  }
}

void LossyIncrementer::connect(Link& link) {
  if (Clock::now() < link.connect_at) return;
  link.connect_at = Clock::now() + kConnectAgain;
  try {
    check_listening(link.address, kConnectIn);
    link.client = Client::connect(link.address, kConnectIn);
    link.heard = Clock::now();
  } catch (const ClientError&) {  // It is down.
  }
}

// A retry that has been elsewhere before, or a new one.
std::optional<LossyIncrementer::Increment> LossyIncrementer::next(std::size_t at) {
  const auto now = Clock::now();
  const auto retry = std::find_if(again_.begin(), again_.end(), [&](const Increment& it) {
    return it.sent_to != at || now - it.since > kElsewhere;
  });
  if (retry != again_.end()) {
    Increment out = *retry;
    again_.erase(retry);
    ++tally_.retries;
    return out;
  }
  if (tally_.begun.fetch_add(1) < tally_.wanted) return Increment{};
  --tally_.begun;
  return std::nullopt;
}

void LossyIncrementer::fill(std::size_t at) {
  Link& link = *links_[at];
  if (!link.client || Clock::now() < link.paused_until) return;
  while (link.waiting.size() < options_.window) {
    std::optional<Increment> increment = next(at);
    if (!increment) return;
    if (!increment->tag) increment->tag = link.client->mint_tag();
    increment->sent_to = at;
    Request request;
    request.op = ClientOp::kIncr;
    request.key = options_.key;
    request.tag = increment->tag;
    if (link.waiting.empty()) link.heard = Clock::now();
    try {
      link.waiting.emplace(link.client->send(request), *increment);
    } catch (const ClientError&) {  // It takes no more.
      increment->since = Clock::now();
      again_.push_back(*increment);
      return drop(at);
    }
  }
}

bool LossyIncrementer::take_replies(std::size_t at, milliseconds patience) {
  Link& link = *links_[at];
  if (!link.client) return false;
  bool heard = false;
  while (auto reply = link.client->receive(patience)) {
    patience = milliseconds(0);
    heard = true;
    link.heard = Clock::now();
    const auto found = link.waiting.find(reply->id);
    if (found == link.waiting.end()) continue;
    Increment increment = found->second;
    link.waiting.erase(found);
    increment.since = link.heard;
    if (std::uniform_real_distribution<>(0, 1)(random_) < options_.lose) {
      ++tally_.replies_lost;
      again_.push_back(increment);
    } else if (reply->status == Status::kOk || reply->status == Status::kStored) {
      ++tally_.done;
    } else if (reply->code == "retry_window_passed") {
      ++tally_.retries_too_late;
    } else if (reply->code == "limit" || reply->code == "overflow" || reply->code == "bad_request") {
      throw ClientError(ClientError::Kind::kProtocol, reply->node + " refuses an increment for good: " + reply->message);
    } else {
      ++tally_.refusals;
      link.paused_until = link.heard + kRefusedPause;
      again_.push_back(increment);
    }
  }
  if (!link.waiting.empty() && Clock::now() - link.heard > kSilence) drop(at);
  return heard;
}

// What became of what was on the way is not known: all of it is sent again.
void LossyIncrementer::drop(std::size_t at) {
  Link& link = *links_[at];
  tally_.unanswered += link.waiting.size();
  for (auto& [id, increment] : link.waiting) {
    increment.since = Clock::now();
    again_.push_back(increment);
  }
  link.waiting.clear();
  link.client.reset();
  link.connect_at = Clock::now();
}

}  // namespace kith::bench
