#include "tests/soak/writer.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "gossip/operation.h"
#include "node/client.h"
#include "tests/soak/verdict.h"

namespace kith::soak {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;
using Moment = SteadyClock::time_point;

constexpr std::size_t kUnderWayMax = 64;
constexpr std::size_t kSets = 48, kCounters = 4, kRegisters = 12, kSharedRegisters = 6;
constexpr std::size_t kRemovableMax = 2'000;  // Elements of its own that it remembers, to remove.
constexpr std::size_t kAgainMax = 200;
constexpr auto kAgainAfter = 150ms;
constexpr std::uint64_t kWatchOneIn = 20;
// The window is the node's to judge, whose clock may be this much off.
constexpr auto kLateBeyond = 2s;

enum class Level : std::uint8_t { kOne, kQuorum, kAll };

}  // namespace

void Gifts::give(Gift gift) {
  const std::scoped_lock lock(mutex_);
  gifts_.push_back(std::move(gift));
}

std::optional<Gifts::Gift> Gifts::take() {
  const std::scoped_lock lock(mutex_);
  if (gifts_.empty()) return std::nullopt;
  Gift out = std::move(gifts_.front());
  gifts_.pop_front();
  return out;
}

struct Writer::Impl {
  // What a request is for.
  struct Job {
    Request request;
    Write write;
    Level level = Level::kQuorum;
    Moment begun{};
    std::uint64_t disks = 0;       // Figures::disks_gone_back when it was first said.
    std::optional<Write> stored;   // On so few nodes, but on these.
    bool by_quorum = false;        // Of a read.
    enum class Purpose : std::uint8_t { kWrite, kGift, kTakeGift, kRepeat, kLate, kRead } purpose = Purpose::kWrite;
  };

  Impl(WriterOptions the_options, History& the_history, Figures& the_figures, Gifts& the_gifts, Watcher& the_watcher)
      : options(std::move(the_options)), history(the_history), figures(the_figures), gifts(the_gifts), watcher(the_watcher), random(options.seed) {}

  // ---- The loop

  void run(const std::atomic<bool>& stop) {
    open();
    open_reader();
    const auto began = SteadyClock::now();
    std::uint64_t begun = 0;
    move_at = began + next_move();
    while (!stop || !under_way.empty() || !again.empty() || !reading.empty()) {
      const auto now = SteadyClock::now();
      const double due = std::chrono::duration<double>(now - began).count() * options.writes_a_second;
      while (!stop && static_cast<double>(begun) < due && under_way.size() < kUnderWayMax) {
        begin_one();
        ++begun;
      }
      // What could not be done while nobody answered is not caught up with.
      if (due - static_cast<double>(begun) > 4 * options.writes_a_second) begun = static_cast<std::uint64_t>(due);
      while (!again.empty() && again.begin()->first <= now) say(std::move(again.extract(again.begin()).mapped()));
      if (!stop) repeat_some(now);
      if (now >= move_at) move();
      receive();
    }
    repeats.clear();
    late.clear();
    reader.reset();
  }

  ClientOptions of_any() {
    ClientOptions wanted;
    wanted.addresses = options.addresses;
    std::shuffle(wanted.addresses.begin(), wanted.addresses.end(), random);
    wanted.attempt_timeout = 500ms;
    return wanted;
  }

  void open() {
    ClientOptions wanted = of_any();
    wanted.silent = 2000ms;
    wanted.stuck = 4000ms;
    if (client) wanted.session = client->session();
    for (;;) {
      try {
        client.emplace(Client::open(wanted));
        moves_seen = client->moves();
        return;
      } catch (const ClientError&) {  // All are down.
        if (client) wanted.session = client->session();
      }
    }
  }

  // To another node, with what is under way.
  void move() {
    move_at = SteadyClock::now() + next_move();
    ++figures.moves;
    open();
    for (auto& [id, job] : std::exchange(under_way, {})) say(std::move(job));
    open_reader();
  }

  // Only reads go through it: what was asked there and is not answered is let go.
  void open_reader() {
    ClientOptions wanted = of_any();
    wanted.connect_timeout = 500ms;
    for (auto& [id, job] : std::exchange(reading, {})) (void)let_go(job);
    reader.reset();
    try {
      reader.emplace(Client::open(wanted));
    } catch (const ClientError&) {  // At the next move.
    }
  }

  std::chrono::milliseconds next_move() { return std::chrono::milliseconds(2'000 + below(20'000)); }
  std::uint64_t below(std::uint64_t limit) { return random() % limit; }

  void say(Job job) {
    try {
      const std::uint64_t id = client->send(job.request);
      under_way.emplace(id, std::move(job));
    } catch (const ClientError&) {  // Too many wait to be sent: to whoever it is connected to.
      again.emplace(SteadyClock::now() + kAgainAfter, std::move(job));
      move_at = SteadyClock::now();
    }
  }

  void receive() {
    try {
      auto wait = 5ms;
      while (auto reply = client->receive(wait)) {
        wait = 0ms;
        const auto found = under_way.find(reply->id);
        if (found == under_way.end()) continue;
        Job job = std::move(found->second);
        under_way.erase(found);
        take(std::move(job), *reply);
      }
    } catch (const ClientError&) {
      move();
    }
    try {
      while (auto reply = reader ? reader->receive(0ms) : std::nullopt) {
        const auto found = reading.find(reply->id);
        if (found == reading.end()) continue;
        const Job job = std::move(found->second);
        reading.erase(found);
        take_read(job, *reply);
      }
    } catch (const ClientError&) {
      open_reader();
    }
    if (client->moves() != moves_seen) figures.moves += client->moves() - std::exchange(moves_seen, client->moves());
  }

  // ---- What to do next

  void begin_one() {
    const std::uint64_t dice = below(100);
    if (dice < 34) return add(Job::Purpose::kWrite);
    if (dice < 42) return add(Job::Purpose::kGift);
    if (dice < 50) return take_gift();
    if (dice < 64) return remove();
    if (dice < 78) return increment(Level::kQuorum);
    if (dice < 84) return increment(Level::kOne);
    if (dice < 95) return set_own();
    set_shared();
  }

  Level draw_level() {
    const std::uint64_t dice = below(100);
    return dice < 64 ? Level::kQuorum : dice < 97 ? Level::kOne : Level::kAll;
  }

  Job job_of(Deed deed, std::string key, Level level) {
    Job job;
    job.level = level;
    job.begun = SteadyClock::now();
    job.disks = figures.disks_gone_back;
    job.write.deed = deed;
    job.write.key = job.request.key = std::move(key);
    job.write.tag = client->mint_tag();
    job.request.tag = job.write.tag;
    job.request.replicas = level == Level::kOne ? 1 : level == Level::kQuorum ? kQuorumReplicas : kAllReplicas;
    job.request.timeout_ms = std::min<std::int64_t>(level == Level::kAll ? 4'000 : 8'000, options.retry_window_ms / 4);
    return job;
  }

  void add(Job::Purpose purpose) {
    Job job = job_of(Deed::kAdd, "set-" + std::to_string(below(kSets)), purpose == Job::Purpose::kGift ? Level::kQuorum : draw_level());
    job.purpose = purpose;
    job.request.op = ClientOp::kSadd;
    job.write.member = "w" + std::to_string(options.number) + "-" + std::to_string(++elements);
    job.request.members = {job.write.member};
    say(std::move(job));
  }

  // One of its own, and sometimes adds it again later.
  void remove() {
    if (mine.empty()) return add(Job::Purpose::kWrite);
    const std::size_t at = below(mine.size());
    const auto [key, member, present] = mine[at];
    mine.erase(mine.begin() + static_cast<std::ptrdiff_t>(at));  // Until it is answered.
    Job job = job_of(present ? Deed::kRemove : Deed::kAdd, key, draw_level());
    job.request.op = present ? ClientOp::kSrem : ClientOp::kSadd;
    job.write.member = member;
    job.request.members = {member};
    say(std::move(job));
  }

  void take_gift() {
    auto gift = gifts.take();
    if (!gift) return add(Job::Purpose::kGift);
    Job job = job_of(Deed::kRemove, std::move(gift->key), Level::kQuorum);
    job.purpose = Job::Purpose::kTakeGift;
    job.request.op = ClientOp::kSrem;
    job.write.member = std::move(gift->member);
    job.request.members = {job.write.member};
    say(std::move(job));
  }

  void increment(Level level) {
    Job job = job_of(Deed::kIncrement, std::string("count-") + (level == Level::kOne ? "one-" : "quorum-") + std::to_string(below(kCounters)), level);
    job.request.op = ClientOp::kIncr;
    job.write.amount = static_cast<std::int64_t>(below(16)) - 3;
    if (job.write.amount == 0) job.write.amount = 100;
    job.request.amount = job.write.amount;
    say(std::move(job));
  }

  // Registers, and fields of a hash, that only this session writes.
  void set_own() {
    const std::size_t number = below(kRegisters);
    if (!busy_registers.insert(number).second) return increment(Level::kQuorum);
    const bool field = number % 2 == 0;
    const std::string owner = "own-w" + std::to_string(options.number);
    const std::string name = "r" + std::to_string(number);
    Job job = job_of(Deed::kSet, field ? owner : owner + "-" + name, draw_level());
    job.request.op = field ? ClientOp::kHset : ClientOp::kSet;
    job.write.value = to_string(job.write.tag);
    if (field) {
      job.write.key += "/" + name;
      job.request.fields = {{name, job.write.value}};
    } else {
      job.request.value = job.write.value;
    }
    registers[job.write.key] = number;
    say(std::move(job));
  }

  // That all sessions write.
  void set_shared() {
    Job job = job_of(Deed::kSet, kShared + std::to_string(below(kSharedRegisters)), Level::kQuorum);
    job.request.op = ClientOp::kSet;
    job.request.value = job.write.value = to_string(job.write.tag);
    say(std::move(job));
  }

  void repeat_some(Moment now) {
    // Within the window, with room for what the node's clock is off.
    while (!repeats.empty() && repeats.begin()->first <= now) {
      Job job = std::move(repeats.extract(repeats.begin()).mapped());
      if (now - job.begun > std::chrono::milliseconds(options.retry_window_ms * 8 / 10)) continue;
      ++figures.said_twice;
      job.purpose = Job::Purpose::kRepeat;
      say(std::move(job));
    }
    while (!late.empty() && late.begin()->first <= now) {
      Job job = std::move(late.extract(late.begin()).mapped());
      ++figures.said_late;
      job.purpose = Job::Purpose::kLate;
      say(std::move(job));
    }
  }

  // ---- What is answered

  void take(Job job, const ClientReply& reply) {
    if (job.purpose == Job::Purpose::kRead) return take_read(job, reply);
    if (job.purpose == Job::Purpose::kRepeat) return;
    if (job.purpose == Job::Purpose::kLate) return take_late(job, reply);
    if (reply.status != Status::kOk && reply.status != Status::kStored) return not_done(std::move(job), reply);
    note_answer(job, reply);
    if (reply.status == Status::kStored && job.level == Level::kQuorum) {
      // Here it is safe as far as this disk is; what was asked for is asked for again.
      ++figures.stored_first;
      job.stored = job.write;
      again.emplace(SteadyClock::now() + kAgainAfter, std::move(job));
      return;
    }
    last_word(std::move(job), reply);
  }

  void note_answer(Job& job, const ClientReply& reply) {
    const std::size_t needed = job.level == Level::kOne ? 1 : job.level == Level::kQuorum ? options.quorum : options.addresses.size();
    const std::set<std::string> holders(reply.replicas.begin(), reply.replicas.end());
    if (reply.status == Status::kOk && holders.size() < needed) {
      figures.find("ok with " + std::to_string(holders.size()) + " of " + std::to_string(needed) + " replicas: " + describe(job, reply));
    }
    if (reply.status == Status::kOk && (!reply.tag || *reply.tag != job.write.tag)) figures.find("answered under another tag: " + describe(job, reply));
    job.write.node = static_cast<std::uint8_t>(reply.node.empty() ? 0 : std::strtoul(reply.node.c_str() + 1, nullptr, 10) - 1);
    job.write.answered = reply.time;
    job.write.promise = reply.status == Status::kOk && job.level != Level::kOne ? Promise::kCertain : Promise::kOneDisk;
  }

  void last_word(Job job, const ClientReply& reply) {
    ++figures.acknowledged;
    if (job.write.promise == Promise::kCertain) ++figures.at_quorum;
    Write write = job.write;
    // SUBTLE: only a node that says "changed" had seen the add, and only of what this reply says is known where it is durable: an
    // earlier attempt may have been done at one that had, and lie on its disk alone.
    if (job.purpose == Job::Purpose::kTakeGift && reply.number != 1) write.promise = Promise::kMaybe;
    history.add(std::move(write));
    if (job.purpose == Job::Purpose::kGift) gifts.give({job.write.key, job.write.member});
    const bool cell = job.write.deed != Deed::kIncrement && job.purpose == Job::Purpose::kWrite && !job.write.key.starts_with(kShared);
    const auto now = SteadyClock::now();
    if (const std::uint64_t dice = below(100); dice < 5 && repeats.size() < kAgainMax) {
      repeats.emplace(now + std::chrono::milliseconds(below(static_cast<std::uint64_t>(options.retry_window_ms) * 8 / 10)), job);
    } else if (dice == 99 && late.size() < kAgainMax) {
      late.emplace(job.begun + std::chrono::milliseconds(options.retry_window_ms) + kLateBeyond, job);
    }
    if (cell && below(8) == 0) return read_back(std::move(job));
    const bool kept = cell && let_go(job);
    if (kept && job.write.deed == Deed::kAdd && below(kWatchOneIn) == 0) watcher.watch(job.write.key, job.write.member);
  }

  void not_done(Job job, const ClientReply& reply) {
    if (reply.code != "retry_window_passed") {
      const bool mistake = reply.code == "bad_request" || reply.code == "limit" || reply.code == "tag_from_future" || reply.code == "overflow";
      if (mistake) figures.find("refused: " + describe(job, reply));
      ++figures.refused_first;
      again.emplace(SteadyClock::now() + kAgainAfter, std::move(job));
      return;
    }
    // SUBTLE: nothing changed now; an attempt before this one may have been done, and its answer lost.
    if (job.stored) {
      job.write = *job.stored;
      ++figures.acknowledged;
    } else {
      job.write.promise = Promise::kMaybe;
      ++figures.unknown;
    }
    history.add(job.write);
    if (job.write.deed != Deed::kIncrement && job.purpose == Job::Purpose::kWrite) (void)let_go(job);
  }

  void take_late(const Job& job, const ClientReply& reply) {
    if (reply.status == Status::kOk || reply.status == Status::kStored) figures.find("taken after its retry window: " + describe(job, reply));
  }

  // Other writes to it may be begun.  True when there will be none: half of the elements are left alone.
  bool let_go(const Job& job) {
    if (job.write.deed == Deed::kSet) {
      busy_registers.erase(registers[job.write.key]);
      return false;
    }
    const bool adds = job.write.deed == Deed::kAdd;
    if (mine.size() >= kRemovableMax || below(adds ? 2 : 3) != 0) return true;
    mine.push_back({job.write.key, job.write.member, adds});
    return false;
  }

  // ---- Reading what was written

  void read_back(Job job) {
    const std::string key = job.request.key;
    Request read;
    read.key = key;
    if (job.write.deed != Deed::kSet) {
      read.op = ClientOp::kSismember;
      read.members = {job.write.member};
    } else if (job.request.op == ClientOp::kHset) {
      read.op = ClientOp::kHget;
      read.members = {job.request.fields.front().first};
    } else {
      read.op = ClientOp::kGet;
    }
    job.request = std::move(read);
    job.purpose = Job::Purpose::kRead;
    job.by_quorum = reader && job.write.promise == Promise::kCertain && below(2) == 0;
    if (!job.by_quorum) return say(std::move(job));
    job.request.replicas = kQuorumReplicas;
    job.request.timeout_ms = std::min<std::int64_t>(4'000, options.retry_window_ms / 4);
    try {
      const std::uint64_t id = reader->send(job.request);
      reading.emplace(id, std::move(job));
    } catch (const ClientError&) {
      (void)let_go(job);
      open_reader();
    }
  }

  void take_read(const Job& job, const ClientReply& reply) {
    (void)let_go(job);
    if (reply.code == "not_reached") ++figures.reads_not_reached;
    if (reply.status != Status::kOk && reply.status != Status::kNotFound) return;
    const bool everywhere = (job.level == Level::kAll && job.write.promise == Promise::kCertain) || job.by_quorum;
    const bool same = reply.node == "n" + std::to_string(job.write.node + 1);
    if (reply.stale) {
      ++figures.reads_stale;
    } else if ((!same && !everywhere) || figures.disks_gone_back != job.disks) {
      ++figures.reads_elsewhere;
    } else {
      ++figures.reads_of_own;
      if (job.by_quorum) ++figures.reads_of_quorum;
      if (job.by_quorum && reply.replicas.size() < options.quorum) figures.find("told by fewer than a quorum: " + describe(job, reply));
      const bool shown = job.write.deed == Deed::kAdd      ? reply.number == 1
                         : job.write.deed == Deed::kRemove ? reply.number == 0
                                                           : reply.value == job.write.value;
      if (!shown) figures.find("does not show what it acknowledged: " + describe(job, reply) + (reply.value ? ", shows " + *reply.value : ""));
    }
  }

  std::string describe(const Job& job, const ClientReply& reply) const {
    std::string out = job.write.key + " " + job.write.member + " " + to_string(job.write.tag) + " at " + reply.node + ": " + std::string(to_string(reply.status)) +
                      (reply.code.empty() ? "" : " " + reply.code) + ", number " + std::to_string(reply.number) + ", replicas";
    for (const std::string& replica : reply.replicas) out += " " + replica;
    return out + (reply.message.empty() ? "" : ", \"" + reply.message + "\"");
  }

  struct Mine {
    std::string key, member;
    bool present = true;
  };

  WriterOptions options;
  History& history;
  Figures& figures;
  Gifts& gifts;
  Watcher& watcher;
  std::mt19937_64 random;
  std::optional<Client> client;
  std::optional<Client> reader;
  std::uint64_t moves_seen = 0;
  Moment move_at{};
  std::map<std::uint64_t, Job> under_way;          // By the client's id.
  std::map<std::uint64_t, Job> reading;            // The same of the reader.
  std::multimap<Moment, Job> again, repeats, late; // By when they are due.
  std::vector<Mine> mine;
  std::set<std::size_t> busy_registers;
  std::map<std::string, std::size_t> registers;
  std::uint64_t elements = 0;
};

Writer::Writer(WriterOptions options, History& history, Figures& figures, Gifts& gifts, Watcher& watcher)
    : impl_(std::make_unique<Impl>(std::move(options), history, figures, gifts, watcher)) {}
Writer::~Writer() = default;

void Writer::run(const std::atomic<bool>& stop) { impl_->run(stop); }

}  // namespace kith::soak
