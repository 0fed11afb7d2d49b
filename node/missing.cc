#include "node/missing.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>
#include <utility>

#include "node/inspect.h"
#include "node/json_text.h"

namespace kith {
namespace {

using nlohmann::json;

struct Teller {
  Timestamp now;
  std::unordered_map<std::uint64_t, Timestamp> held;
  std::vector<std::uint64_t> roots;
  std::uint64_t cells = 0;
  bool complete = true;
};

std::uint64_t hex_of(const json& value, const char* what) {
  const auto number = value.is_string() ? parse_hex(value.get_ref<const std::string&>()) : std::nullopt;
  if (!number) throw std::invalid_argument(std::string("\"") + what + "\" must hold 16 hex digits");
  return *number;
}

Teller teller_of(const json& clock) {
  if (!clock.is_object()) throw std::invalid_argument("each of \"clocks\" must be a map");
  Teller out;
  out.now = Timestamp{hex_of(clock.value("now", json()), "now")};
  const json held = clock.value("held", json::object());
  if (!held.is_object()) throw std::invalid_argument("\"held\" must be a map");
  for (const auto& [origin, at] : held.items()) out.held[hex_of(origin, "held")] = Timestamp{hex_of(at, "held")};
  for (const json& root : clock.value("roots", json::array())) out.roots.push_back(hex_of(root, "roots"));
  return out;
}

std::vector<Teller> tellers_of(const std::string& text) {
  const json parsed = json::parse(text);
  if (!parsed.is_object()) throw std::invalid_argument("it must be a map");
  const json clocks = parsed.value("clocks", json::array());
  if (!clocks.is_array() || clocks.size() > kClocksMax) {
    throw std::invalid_argument("\"clocks\" must be a list of at most " + std::to_string(kClocksMax));
  }
  std::vector<Teller> out;
  for (const json& clock : clocks) out.push_back(teller_of(clock));
  return out;
}

class Count {
 public:
  Count(const ReadContext& context, std::vector<Teller>& tellers) : snapshot_(context.snapshot), tellers_(tellers) {
    for (std::uint32_t shard = 0; shard < context.shard_count; ++shard) {
      for (const auto& [origin, at] : snapshot_.held(static_cast<ShardId>(shard))) open_.insert(origin.value);
    }
    for (std::uint32_t shard = 0; shard < context.shard_count; ++shard) count_in(static_cast<ShardId>(shard));
  }

 private:
  // An origin that has left the clocks here is retired: everybody in good standing holds what it did.
  bool covered(const Teller& teller, const Commit& commit) const {
    const auto at = teller.held.find(commit.origin.value);
    return at == teller.held.end() ? !open_.contains(commit.origin.value) : commit.at <= at->second;
  }

  void count_in(ShardId shard) {
    const std::uint64_t root = snapshot_.shard_root(shard);
    const CommitClock held = snapshot_.held(shard);
    std::vector<Teller*> behind;
    Lsn after = snapshot_.feed_end(shard);
    for (Teller& teller : tellers_) {
      if (shard < teller.roots.size() && teller.roots[shard] == root) continue;
      const auto covers = [&](const auto& entry) { return covered(teller, {entry.second, entry.first}); };
      if (std::all_of(held.begin(), held.end(), covers)) continue;
      behind.push_back(&teller);
      after = std::min(after, snapshot_.first_unseen(shard, [&](const Commit& commit) { return covered(teller, commit); }));
    }
    if (behind.empty()) return;
    snapshot_.feed_after(shard, after, [&](Lsn, const StoreKey&, const Row* row) {
      if (looked_at_++ == kRowsLookedAtMax) {
        for (Teller* teller : behind) teller->complete = false;
        return false;
      }
      if (row == nullptr) return true;  // Damaged: it is mended before anybody can get it.
      for (Teller* teller : behind) {
        bool lacked = false;
        row->content.each_commit([&](const Commit& commit) {
          lacked = lacked || (commit.at <= teller->now && !covered(*teller, commit));
        });
        teller->cells += lacked ? 1 : 0;
      }
      return true;
    });
    if (looked_at_ > kRowsLookedAtMax) looked_at_ = kRowsLookedAtMax;
  }

  const Snapshot& snapshot_;
  std::vector<Teller>& tellers_;
  std::set<std::uint64_t> open_;
  std::size_t looked_at_ = 0;
};

}  // namespace

ClientReply answer_missing(const Request& request, const ReadContext& context) {
  std::vector<Teller> tellers;
  try {
    tellers = tellers_of(request.text);
  } catch (const json::exception& error) {
    return error_reply(request, "bad_request", std::string("\"text\" is not what \"missing\" needs: ") + error.what());
  } catch (const std::invalid_argument& error) {
    return error_reply(request, "bad_request", std::string("\"text\" is not what \"missing\" needs: ") + error.what());
  }
  const Count count(context, tellers);
  json counts = json::array();
  for (const Teller& teller : tellers) counts.push_back({{"cells", teller.cells}, {"complete", teller.complete}});
  ClientReply out;
  out.id = request.id;
  out.document = dump({{"counts", std::move(counts)}});
  return out;
}

}  // namespace kith
