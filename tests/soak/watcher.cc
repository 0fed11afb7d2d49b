#include "tests/soak/watcher.h"

#include <map>
#include <optional>
#include <utility>

#include "node/client.h"

namespace kith::soak {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kSamplesMax = 5'000;
constexpr std::size_t kAskedAtOnce = 64;
constexpr auto kPause = 20ms;
constexpr auto kConnectIn = 200ms;
constexpr auto kAnswerIn = 500ms;

}  // namespace

Watcher::Watcher(std::vector<std::string> addresses, Figures& figures)
    : addresses_(std::move(addresses)), figures_(figures), thread_([this] { run(); }) {}

Watcher::~Watcher() {
  ending_ = true;
  thread_.join();
}

void Watcher::watch(std::string key, std::string member) {
  const std::scoped_lock lock(mutex_);
  if (samples_.size() >= kSamplesMax) return;
  samples_.push_back({std::move(key), std::move(member), SteadyClock::now(), (std::uint64_t{1} << addresses_.size()) - 1});
}

std::size_t Watcher::waiting() const {
  const std::scoped_lock lock(mutex_);
  return samples_.size();
}

void Watcher::run() {
  // One thread a node: a node that does not answer must not make the others look late.
  std::vector<std::thread> threads;
  for (std::size_t node = 0; node < addresses_.size(); ++node) threads.emplace_back([this, node] { ask(node); });
  for (std::thread& thread : threads) thread.join();
}

void Watcher::ask(std::size_t node) {
  const std::uint64_t bit = std::uint64_t{1} << node;
  std::optional<Client> client;
  while (!ending_) {
    std::vector<std::pair<std::string, std::string>> wanted;
    {
      const std::scoped_lock lock(mutex_);
      for (const Sample& sample : samples_) {
        if ((sample.missing & bit) != 0) wanted.emplace_back(sample.key, sample.member);
        if (wanted.size() >= kAskedAtOnce) break;
      }
    }
    std::vector<std::pair<std::string, std::string>> shown;
    try {
      if (!wanted.empty() && !client) client.emplace(Client::connect(addresses_[node], kConnectIn));
      std::map<std::uint64_t, std::size_t> asked;
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        Request request;
        request.op = ClientOp::kSismember;
        request.key = wanted[i].first;
        request.members = {wanted[i].second};
        asked.emplace(client->send(std::move(request)), i);
      }
      while (!asked.empty()) {
        const auto reply = client->receive(kAnswerIn);
        if (!reply) {
          client.reset();
          break;
        }
        const auto found = asked.find(reply->id);
        if (found == asked.end()) continue;
        if (reply->status == Status::kOk && reply->number == 1) shown.push_back(wanted[found->second]);
        asked.erase(found);
      }
    } catch (const ClientError&) {
      client.reset();
    }
    if (!shown.empty()) {
      const auto now = SteadyClock::now();
      const std::scoped_lock lock(mutex_);
      for (Sample& sample : samples_) {
        if ((sample.missing & bit) == 0) continue;
        for (const auto& [key, member] : shown) {
          if (sample.member == member && sample.key == key) sample.missing &= ~bit;
        }
      }
      std::erase_if(samples_, [&](const Sample& sample) {
        if (sample.missing != 0) return false;
        figures_.stable_after(std::chrono::duration<double, std::milli>(now - sample.acknowledged).count());
        return true;
      });
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace kith::soak
