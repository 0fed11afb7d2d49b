#include "node/seeds.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "node/address.h"
#include "node/probe.h"
#include "node/resolver.h"

namespace kith {

namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr std::string_view kService = "srv:";
constexpr std::size_t kDomainBytesMax = 253;
constexpr auto kLookUntilJoined = 2s;
constexpr auto kLookAsMember = 30s;
constexpr auto kWarnAfter = 3s;   // A join takes a fraction of a second.
constexpr auto kWarnAgain = 60s;
constexpr auto kProbe = 1s;
constexpr std::size_t kProbesMax = 8;  // In one line of the log.

bool is_service(const std::string& entry) { return entry.starts_with(kService); }

}  // namespace

std::optional<std::string> check_join_entry(const std::string& entry) {
  if (is_service(entry)) {
    const std::string name = entry.substr(kService.size());
    const bool letters = std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    });
    if (name.empty() || name.size() > kDomainBytesMax || !letters || name.front() == '.' || name.find("..") != std::string::npos) {
      return "\"" + entry.substr(0, kDomainBytesMax) + "\" names no service: give srv:NAME, as in srv:_kith._tcp.example.org";
    }
    return std::nullopt;
  }
  std::string problem;
  const auto address = parse_address(entry, &problem);
  if (!address) return problem;
  if (address->port == 0) return "\"" + entry + "\" has port 0, to which nobody can connect";
  return std::nullopt;
}

std::vector<std::string> plain_join_entries(const std::vector<std::string>& entries) {
  std::vector<std::string> out;
  std::remove_copy_if(entries.begin(), entries.end(), std::back_inserter(out), is_service);
  return out;
}

struct Seeds::Impl {
  Impl(std::vector<std::string> the_entries, const std::string& servers, const std::string& the_told, Callbacks the_callbacks)
      : entries(std::move(the_entries)), resolver(servers), told(the_told), callbacks(std::move(the_callbacks)) {}

  void run() {
    auto warn_at = SteadyClock::now() + kWarnAfter;
    for (;;) {
      std::vector<std::string> problems;
      const std::vector<Address> addresses = look_up(problems);
      std::vector<std::string> texts;
      for (const Address& address : addresses) texts.push_back(to_string(address));
      if (!texts.empty()) callbacks.found(std::move(texts));
      const bool joined = callbacks.joined();
      if (!joined && SteadyClock::now() >= warn_at) {
        warn(addresses, std::move(problems));
        warn_at = SteadyClock::now() + kWarnAgain;
      }
      std::unique_lock lock(mutex);
      const auto pause = joined ? std::chrono::seconds(kLookAsMember) : std::chrono::seconds(kLookUntilJoined);
      if (stopping.wait_for(lock, pause, [&] { return stop; })) return;
    }
  }

  // Looked at between any two things that may take long, so that nobody waits for more than one of them at the end.
  bool stopped() {
    const std::scoped_lock lock(mutex);
    return stop;
  }

  std::vector<Address> look_up(std::vector<std::string>& problems) {
    std::vector<Address> out;
    for (const std::string& entry : entries) {
      if (stopped()) break;
      const auto plain = is_service(entry) ? std::nullopt : parse_address(entry);
      const Resolved found = plain ? resolver.host(*plain) : resolver.service(entry.substr(kService.size()));
      if (found.addresses.empty()) problems.push_back(entry + ": the name stands for no address (" + found.problem + ")");
      for (const Address& address : found.addresses) {
        if (std::find(out.begin(), out.end(), address) == out.end()) out.push_back(address);
      }
    }
    return out;
  }

  void warn(const std::vector<Address>& addresses, std::vector<std::string> problems) {
    for (std::size_t i = 0; i < addresses.size() && i < kProbesMax; ++i) {
      if (stopped() || callbacks.joined()) return;
      const std::string where = to_string(addresses[i]);
      switch (probe(addresses[i], kProbe)) {
        case Probe::kNobody: problems.push_back(where + ": nobody listens there"); break;
        case Probe::kOther: problems.push_back(where + ": it accepts connections and does not speak ZeroMQ, so it is no Kith node"); break;
        case Probe::kZeroMq:
          problems.push_back(where + ": it speaks ZeroMQ, and no answer came. Either it is not the peer address (--peer) of a member, but perhaps its client "
                                     "address, or members cannot reach this node at " + told + " (--advertise-peer)");
          break;
      }
    }
    if (stopped() || callbacks.joined()) return;
    std::string text = "nobody has let this node in yet; it goes on asking.";
    for (const std::string& problem : problems) text += " " + problem + ".";
    callbacks.warn(text);
  }

  const std::vector<std::string> entries;
  const Resolver resolver;
  const std::string told;
  const Callbacks callbacks;
  std::mutex mutex;
  std::condition_variable stopping;
  bool stop = false;  // Guarded by mutex.
  std::thread thread;
};

Seeds::Seeds(std::vector<std::string> entries, const std::string& servers, const std::string& told, Callbacks callbacks)
    : impl_(std::make_unique<Impl>(std::move(entries), servers, told, std::move(callbacks))) {
  impl_->thread = std::thread([this] { impl_->run(); });
}

Seeds::~Seeds() {
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->stopping.notify_all();
  impl_->thread.join();
}

}  // namespace kith
