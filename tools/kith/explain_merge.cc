#include "tools/kith/explain_merge.h"

#include <algorithm>
#include <map>
#include <optional>

#include "crdt/content.h"
#include "crdt/counter.h"
#include "node/view/explain_words.h"
#include "node/view/text.h"

namespace kith::tools {
namespace {

using Role = ExplainedEntry::Role;

const ExplainedValue* value_of(const CopyOfKey& copy, const std::string& kind) {
  const auto found = std::find_if(copy.values.begin(), copy.values.end(), [&](const ExplainedValue& value) { return value.kind == kind; });
  return found == copy.values.end() ? nullptr : &*found;
}

class Merge {
 public:
  Merge(const CopyOfKey& mine, const CopyOfKey& theirs, const LifeNames& lives, const std::string& what)
      : mine_(mine), theirs_(theirs), lives_(lives), what_(what), here_(mine.status.name), there_(theirs.status.name) {}

  MergeVerdict run() {
    for (const char* kind : {"register", "set", "hash", "counter"}) {
      const ExplainedValue* theirs = value_of(theirs_, kind);
      const ExplainedValue* mine = value_of(mine_, kind);
      if (theirs == nullptr && mine == nullptr) continue;
      if (theirs == nullptr) {
        say(there_ + " has stored nothing of " + of(kind) + ", not even a removal: nothing would change");
      } else if (theirs->damaged || (mine != nullptr && mine->damaged)) {
        say("a row of " + of(kind) + " is damaged at " + (theirs->damaged ? there_ : here_) + ": nobody can tell before it is mended");
      } else if (theirs->kind == "counter") {
        join_counters(mine, *theirs);
      } else if (theirs->collection) {
        say(of(kind) + " has many cells: give one of them as ELEMENT, or see all that differs with `kith diff " + here_ + " " + there_ + "`");
      } else if (theirs->kind == "set") {
        join_elements(mine, *theirs);
      } else {
        join_registers(mine, *theirs);
      }
    }
    if (out_.sentences.empty()) say("neither " + here_ + " nor " + there_ + " has stored anything of " + what_ + ": nothing would change");
    tell_fence();
    return std::move(out_);
  }

 private:
  void say(std::string sentence) { out_.sentences.push_back(std::move(sentence)); }
  std::string of(const std::string& kind) const { return "the " + kind + " " + what_; }
  std::string clock(Timestamp at) const { return utc_clock(at.ms(), mine_.status.now_ms); }
  std::string commit_words(const Commit& commit) const { return clock(commit.at) + " through " + life_in_words(lives_, commit.origin); }

  // ---- An element of a set

  std::string add_words(ActorId actor, const Entry& add) const {
    const bool session = from_session({add.at, actor}, add.commit);
    return "the add of " + clock(add.at) + (session ? " by session " + to_hex(actor.value).substr(0, 8) : "") + " through " +
           life_in_words(lives_, add.commit.origin);
  }

  // As the removal's entry names it: its add may be forgotten.
  std::string removal_words(ActorId, const Entry& removal) const { return "the removal of " + commit_words(removal.commit); }

  static std::optional<SetElement> element_of(const ExplainedValue* value) {
    if (value == nullptr) return SetElement{};
    const auto content = value->content.empty() ? std::nullopt : decode_content(Kind::kSet, value->content);
    return content ? std::optional(content->as_set_element()) : std::nullopt;
  }

  void join_elements(const ExplainedValue* mine_shown, const ExplainedValue& theirs_shown) {
    const auto mine = element_of(mine_shown), theirs = element_of(&theirs_shown);
    if (!mine || !theirs) return say(what_ + " has more entries than a document shows: nobody can tell from here");
    SetElement joined = *mine;
    if (!joined.join(*theirs)) {
      return say(there_ + " has nothing of " + what_ + " that " + here_ + " lacks: nothing would change, it " +
                 (mine->present() ? "stays there" : "stays away"));
    }
    out_.would_change = true;
    const bool before = mine->present(), after = joined.present();
    say(what_ + (before && after ? " would stay there" : before ? " would go" : after ? " would come (it is not at " + here_ + ")" : " would stay away"));
    for (const auto& [actor, add] : theirs->adds()) {
      const Entry* known = mine->adds().find(actor);
      if (known != nullptr && known->at >= add.at) continue;
      news(add.commit, add_words(actor, add));
      if (!joined.dead(actor, add)) {
        say(add_words(actor, add) + " would come, and lives: no removal that either has names it");
      } else {
        const Entry* removal = joined.removed().find(actor);
        say(add_words(actor, add) + " would come, and is dead: " + removal_words(actor, *removal) + " names it");
      }
    }
    for (const auto& [actor, removal] : theirs->removed()) {
      const Entry* known = mine->removed().find(actor);
      if (known != nullptr && known->at >= removal.at) continue;
      const Entry* add = mine->adds().find(actor);
      const bool kills = add != nullptr && !mine->dead(actor, *add) && joined.dead(actor, *add);
      say(removal_words(actor, removal) + (kills ? ", which " + here_ + " has not seen, names " + add_words(actor, *add)
                                                 : " would come along, and names nothing that lives at " + here_));
    }
    if (!after) return;
    for (const auto& [actor, add] : mine->adds()) {
      if (!joined.dead(actor, add) && theirs->adds().find(actor) == nullptr) {
        say(add_words(actor, add) + ", which " + there_ + " does not have, stays: no removal that either has names it");
      }
    }
  }

  // ---- A register, or a field of a hash

  std::string write_words(const ExplainedEntry& entry) const {
    return (entry.value_hash.empty() ? "the deletion of " : "the value of ") + clock(entry.tag.at) + " (" + writer_in_words(lives_, entry) +
           ") through " + life_in_words(lives_, entry.commit.origin);
  }

  void join_registers(const ExplainedValue* mine_shown, const ExplainedValue& theirs_shown) {
    const auto write_of = [](const ExplainedValue* value) {
      return value == nullptr || value->entries.empty() ? nullptr : &value->entries.front();
    };
    const ExplainedEntry* mine = write_of(mine_shown);
    const ExplainedEntry* theirs = write_of(&theirs_shown);
    if (theirs == nullptr) return say(there_ + " has stored nothing of " + what_ + ": nothing would change");
    const bool same = mine != nullptr && mine->tag == theirs->tag;
    // In the order of crdt/register.h: tag, hash, expiry, of which none is the latest.
    const auto rank = [](const ExplainedEntry& entry) {
      return std::pair(parse_hex(entry.value_hash).value_or(0), entry.expires ? entry.expires.value : ~std::uint64_t{0});
    };
    if (same && rank(*mine) == rank(*theirs)) {
      return say("both hold the same write of " + what_ + ": nothing would change");
    }
    const bool wins = mine == nullptr || (same ? rank(*mine) < rank(*theirs) : mine->tag < theirs->tag);
    const std::string why = same ? "one tag with two values is a client's mistake, and the greater hash, or the later expiry, decides"
                                 : "the later tag wins, wherever it was written";
    if (!wins) {
      return say(there_ + " has " + write_words(*theirs) + ", and " + here_ + " has " + write_words(*mine) + ", which stays: " + why);
    }
    out_.would_change = true;
    news(theirs->commit, write_words(*theirs));
    say(write_words(*theirs) + " would come from " + there_ +
        (mine == nullptr ? ": " + here_ + " has stored nothing of " + what_ : " and take the place of " + write_words(*mine) + ": " + why));
    const bool gone = theirs->value_hash.empty() || (theirs->expires && theirs->expires.ms() <= mine_.status.now_ms);
    say(what_ + (gone ? (theirs->value_hash.empty() ? " would not be there" : " would not be there, since that has expired") : " would be there"));
  }

  // ---- A counter

  struct Increments {
    const ExplainedEntry* base = nullptr;
    std::map<Tag, const ExplainedEntry*> of;
  };
  static Increments increments_of(const ExplainedValue* value) {
    Increments out;
    if (value == nullptr) return out;
    for (const ExplainedEntry& entry : value->entries) {
      if (entry.role == Role::kBase) out.base = &entry;
      else out.of.emplace(entry.tag, &entry);
    }
    return out;
  }

  void join_counters(const ExplainedValue* mine_shown, const ExplainedValue& theirs_shown) {
    if (theirs_shown.entries_cut || (mine_shown != nullptr && mine_shown->entries_cut)) {
      return say("the counter " + what_ + " has more increments than a document shows: `kith diff " + here_ + " " + there_ +
                 "` tells whether the two differ");
    }
    const Increments mine = increments_of(mine_shown), theirs = increments_of(&theirs_shown);
    const Timestamp folded_here = mine.base == nullptr ? Timestamp{} : mine.base->tag.at;
    const Timestamp folded_there = theirs.base == nullptr ? Timestamp{} : theirs.base->tag.at;
    const bool their_base = folded_there > folded_here;
    const ExplainedEntry* base = their_base ? theirs.base : mine.base;
    const Timestamp folded = std::max(folded_here, folded_there);
    CounterSum sum = base == nullptr ? CounterSum{} : CounterSum(base->amount);
    CounterSum new_sum;
    std::size_t news_count = 0;
    for (const auto& [tag, entry] : mine.of) {
      if (tag.at > folded) sum += CounterSum(entry->amount);
    }
    for (const auto& [tag, entry] : theirs.of) {
      if (tag.at <= folded || mine.of.contains(tag)) continue;
      sum += CounterSum(entry->amount);
      new_sum += CounterSum(entry->amount);
      ++news_count;
    }
    if (!their_base && news_count == 0) {
      return say(there_ + " has no increment of " + what_ + " that " + here_ + " lacks: nothing would change");
    }
    out_.would_change = true;
    if (their_base) {
      say("the base of " + there_ + ", with all increments up to " + clock(folded_there) + ", would take the place of " +
          (mine.base == nullptr ? "those increments at " + here_ : here_ + "'s, which ends at " + clock(folded_here)));
    }
    if (news_count > 0) {
      say(count_of(news_count, "increment", "increments") + " that " + here_ + " lacks would come, " + std::to_string(new_sum.shown()) +
          " in all; those that both have count once");
    }
    const std::int64_t now = mine_shown == nullptr ? 0 : mine_shown->total.value_or(0);
    say("the counter " + what_ + " would stand at " + std::to_string(sum.shown()) + "; at " + here_ + " it stands at " + std::to_string(now));
  }

  // ---- Whether any of it would be taken

  // What would come is of before our horizon: then it is something that this node has seen, and that has gone since.
  void news(const Commit& commit, const std::string& words) {
    if (commit.at <= mine_.status.garbage.horizon) seen_and_gone_.push_back(words);
  }

  void tell_fence() {
    const GarbageRow& here = mine_.status.garbage;
    const GarbageRow& there = theirs_.status.garbage;
    if (here.rebasing) {
      out_.fenced = true;
      say("but " + here_ + " has not caught up itself, and takes rows only from the member with whose data it compares its own");
    } else if (there.rebasing || there.floor < here.horizon) {
      out_.fenced = true;
      say("but " + here_ + " would not take it: " + there_ + " has not confirmed more than what was written up to " +
          (there.floor ? clock(there.floor) : "the beginning") + ", and " + here_ + " has forgotten what was removed up to " +
          clock(here.horizon) + "; " + there_ + " has to compare its data with a member's first");
      for (const std::string& words : seen_and_gone_) {
        say(words + " is taken out at " + there_ + " then: " + here_ + " has seen it, and it was removed or overwritten since");
      }
    }
  }

  const CopyOfKey& mine_;
  const CopyOfKey& theirs_;
  const LifeNames& lives_;
  const std::string& what_;
  const std::string here_, there_;
  std::vector<std::string> seen_and_gone_;
  MergeVerdict out_;
};

}  // namespace

MergeVerdict merge_in_words(const CopyOfKey& mine, const CopyOfKey& theirs, const LifeNames& lives, const std::string& what) {
  return Merge(mine, theirs, lives, what).run();
}

}  // namespace kith::tools
