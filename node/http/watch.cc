#include "node/http/watch.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "node/client.h"
#include "node/log.h"
#include "node/view/connections.h"
#include "node/view/inspect_documents.h"
#include "node/view/lacking.h"

namespace kith {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kPatience{kWatchPatienceMs};
constexpr milliseconds kAgain{1000};
// Threads of a round.  Each has some members to ask, one after the other.
constexpr std::size_t kAskersMax = 8;
// Of many members a round takes longer, and costs each of them a status.
constexpr std::int64_t kMsAMember = 20;
constexpr std::int64_t kIdleMsAMember = 200;

std::int64_t wall_ms() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// A member, and the connection to it.
struct Asked {
  SeenNode seen;
  std::unique_ptr<Client> client;
  Clock::time_point again_at{};  // After a failure.
  Clock::time_point whole_at = Clock::now();  // When it last lacked nothing that others hold.
  bool self = false;
};

void in_parallel(std::vector<Asked>& nodes, const std::function<void(Asked&)>& ask) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < nodes.size(); i = next++) ask(nodes[i]);
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < std::min(nodes.size(), kAskersMax); ++i) threads.emplace_back(work);
  work();
}

}  // namespace

struct Watch::Impl {
  explicit Impl(Window& the_window) : window(the_window) {}

  void run() {
    std::unique_lock lock(mutex);
    while (!ended) {
      lock.unlock();
      auto picture = round();
      lock.lock();
      if (picture) {
        newest = picture;
        fresh.notify_all();
      }
      const auto watched = [this] { return Clock::now() - looked_at < milliseconds(kWatchedForMs); };
      const auto began = Clock::now();
      const bool before = watched();
      wanted.wait_until(lock, began + milliseconds(interval_ms(before)), [&] { return ended || (!before && watched()); });
    }
  }

  std::int64_t interval_ms(bool watched) const {
    const auto members = static_cast<std::int64_t>(nodes.size());
    return watched ? std::max(kWatchIntervalMs, members * kMsAMember) : std::max(kWatchIdleMs, members * kIdleMsAMember);
  }

  // ---- A round

  std::shared_ptr<Picture> round() {
    const auto own = window.status(kPatience);
    if (!own) return nullptr;
    NodeStatus status;
    try {
      status = parse_node_status(*own);
    } catch (const ClientError& error) {
      log(LogLevel::kError, std::string("this node's own status: ") + error.what());
      return nullptr;
    }
    keep_members(status);
    in_parallel(nodes, [&](Asked& asked) {
      if (asked.self) return told(asked, status);
      attempt(asked, [&] { told(asked, parse_node_status(call(asked, {}, ClientOp::kStatus).document)); });
    });
    compare();
    return publish();
  }

  void keep_members(const NodeStatus& status) {
    std::vector<Asked> kept;
    for (const MemberRow& member : status.members) {
      if (member.evicted) continue;
      const auto known = std::find_if(nodes.begin(), nodes.end(), [&](const Asked& asked) {
        return asked.seen.name == member.name && asked.seen.address == member.client_address;
      });
      if (known != nodes.end()) {
        kept.push_back(std::move(*known));
        continue;
      }
      Asked fresh_one;
      fresh_one.seen.name = member.name;
      fresh_one.seen.address = member.client_address;
      fresh_one.self = member.self;
      kept.push_back(std::move(fresh_one));
    }
    if (kept.empty()) {  // Not joined yet.
      Asked own;
      own.seen.name = status.name;
      own.seen.address = window.client_address();
      own.self = true;
      kept.push_back(std::move(own));
    }
    std::sort(kept.begin(), kept.end(), [](const Asked& a, const Asked& b) { return a.seen.name < b.seen.name; });
    nodes = std::move(kept);
    self = status.name;
  }

  ClientReply call(Asked& asked, Request request, ClientOp op) {
    request.op = op;
    if (asked.self) return window.read(request);
    if (!asked.client) {
      check_listening(asked.seen.address, kPatience);
      asked.client = std::make_unique<Client>(Client::connect(asked.seen.address, kPatience));
    }
    ClientReply reply = asked.client->call(std::move(request), kPatience);
    if (reply.status != Status::kOk) throw ClientError(ClientError::Kind::kProtocol, reply.message);
    return reply;
  }

  static void attempt(Asked& asked, const std::function<void()>& ask) {
    if (Clock::now() < asked.again_at) return;
    try {
      ask();
      asked.seen.error.clear();
    } catch (const std::exception& error) {
      asked.seen.error = error.what();
      asked.client.reset();
      asked.again_at = Clock::now() + kAgain;
    }
  }

  static void told(Asked& asked, NodeStatus status) {
    if (status.name != asked.seen.name) {
      throw ClientError(ClientError::Kind::kProtocol, "at " + asked.seen.address + " is " + status.name);
    }
    asked.seen.status = std::move(status);
    asked.seen.told_at = Clock::now();
  }

  // ---- Where roots differ: of which shards, and by how much

  void compare() {
    std::set<std::string> roots;
    for (const Asked& asked : nodes) {
      if (asked.seen.answers()) roots.insert(asked.seen.status->root);
    }
    if (roots.size() < 2) {
      for (Asked& asked : nodes) {
        asked.seen.shards.clear();
        asked.seen.lacked.clear();
      }
      return;
    }
    in_parallel(nodes, [&](Asked& asked) {
      if (!asked.seen.answers()) return;
      attempt(asked, [&] { asked.seen.shards = parse_shard_roots(call(asked, {}, ClientOp::kShards).document); });
    });
    const ClusterView view = view_of();
    const LackingQuestion question(view);
    in_parallel(nodes, [&](Asked& asked) {
      if (!asked.seen.answers()) return;
      attempt(asked, [&] {
        try {
          take_counts(asked, question, call(asked, question.request(), ClientOp::kMissing).document);
        } catch (const ClientError& error) {
          // One of an earlier version does not know the question: then how much it is is not known.
          if (error.kind() != ClientError::Kind::kProtocol) throw;
          asked.seen.lacked.clear();
        }
      });
    });
  }

  ClusterView view_of() const {
    ClusterView out;
    for (const Asked& asked : nodes) {
      if (asked.seen.answers()) out.nodes.push_back({.name = asked.seen.name, .address = {}, .status = asked.seen.status, .error = {}, .shards = asked.seen.shards});
    }
    return out;
  }

  static void take_counts(Asked& asked, const LackingQuestion& question, const std::string& document) {
    const NodeView holder{.name = asked.seen.name, .address = {}, .status = asked.seen.status, .error = {}, .shards = {}};
    asked.seen.lacked.clear();
    for (const auto& [name, count] : question.counts(holder, document)) asked.seen.lacked[name] = {count, Clock::now()};
  }

  std::shared_ptr<Picture> publish() {
    auto picture = std::make_shared<Picture>();
    picture->number = ++number;
    picture->self = self;
    picture->taken_at = Clock::now();
    picture->taken_wall_ms = wall_ms();
    picture->interval_ms = interval_ms(true);
    for (const Asked& asked : nodes) picture->nodes.push_back(asked.seen);
    const ClusterView view = picture->view();
    for (std::size_t i = 0; i < nodes.size(); ++i) picture->nodes[i].lag_ms = lag_of(nodes[i], view, view.nodes[i], picture->taken_at);
    picture->verdict = judge(view);
    const auto before = glance();
    const bool same = before && before->verdict.agreement == picture->verdict.agreement;
    picture->verdict_since_wall_ms = same ? before->verdict_since_wall_ms : picture->taken_wall_ms;
    {
      const auto snapshot = window.snapshot();
      removal_count.step(*snapshot, window.shard_count(), picture->taken_wall_ms);
    }
    picture->removals = removal_count.read();
    tell_changes(before.get(), *picture, events);
    history.add(*picture);
    return picture;
  }

  static std::int64_t lag_of(Asked& asked, const ClusterView& view, const NodeView& node, Clock::time_point now) {
    if (!node.status) return -1;
    const std::int64_t by_commits = lag_ms(view, node);
    if (by_commits == 0) asked.whole_at = now;
    return std::min<std::int64_t>(by_commits, std::chrono::ceil<milliseconds>(now - asked.whole_at).count());
  }

  std::shared_ptr<const Picture> glance() const {
    const std::scoped_lock lock(mutex);
    return newest;
  }

  Window& window;
  Events events;
  History history;
  RemovalCount removal_count;

  // The watch's thread, and those of its rounds.
  std::vector<Asked> nodes;
  std::string self;
  std::uint64_t number = 0;

  mutable std::mutex mutex;
  std::condition_variable wanted, fresh;
  std::shared_ptr<const Picture> newest;  // Guarded by mutex, as what follows.
  Clock::time_point looked_at{};
  bool ended = false;
  std::thread thread;
};

Watch::Watch(Window& window) : impl_(std::make_unique<Impl>(window)) {}

Watch::~Watch() {
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->ended = true;
  }
  impl_->wanted.notify_all();
  impl_->fresh.notify_all();
  if (impl_->thread.joinable()) impl_->thread.join();
}

void Watch::start() {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

std::shared_ptr<const Picture> Watch::look() {
  std::unique_lock lock(impl_->mutex);
  const auto now = Clock::now();
  impl_->looked_at = now;
  impl_->wanted.notify_all();
  const auto old = [&] {
    return !impl_->newest || impl_->newest->taken_at < now - milliseconds(3 * impl_->newest->interval_ms);
  };
  impl_->fresh.wait_until(lock, now + milliseconds(2000), [&] { return impl_->ended || !old(); });
  return impl_->newest;
}

std::shared_ptr<const Picture> Watch::glance() const { return impl_->glance(); }
RemovalCount::Reading Watch::removals() const { return impl_->removal_count.read(); }
Events& Watch::events() { return impl_->events; }
const History& Watch::history() const { return impl_->history; }

}  // namespace kith
