#include "tests/soak/verdict.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace kith::soak {
namespace {

constexpr std::size_t kFindingsMax = 50;  // Of each sort; the first tell what happened.

void note(std::vector<std::string>& out, std::string text) {
  if (out.size() < kFindingsMax) out.push_back(std::move(text));
}

std::string words_for(const Write& write) {
  const char* const deed = write.deed == Deed::kAdd ? "add" : write.deed == Deed::kRemove ? "remove" : write.deed == Deed::kSet ? "set" : "increment";
  const char* const promise = write.promise == Promise::kCertain ? "certain" : write.promise == Promise::kOneDisk ? "one disk" : "maybe";
  return std::string(deed) + " " + to_string(write.tag) + " (" + promise + ", n" + std::to_string(write.node + 1) + ", answered " +
         to_hex(write.answered.value) + ")";
}

// What became of one element.
struct Element {
  bool may_be_present = false;
  bool may_be_absent = true;
  const Write* last = nullptr;

  void take(const Write& write, bool certain) {
    const bool adds = write.deed == Deed::kAdd;
    if (certain) may_be_present = may_be_absent = false;
    (adds ? may_be_present : may_be_absent) = true;
    last = &write;
  }
};

// Of one register: every value that it may have.
struct Cell {
  std::vector<std::pair<Tag, std::string>> values;  // Since the last certain one, which is among them.
  bool may_be_absent = true;
  std::optional<Tag> certain;
  const Write* last = nullptr;
};

struct Counter {
  std::int64_t certain = 0, least = 0, most = 0;  // The last two: of what may have happened.
};

class Judge {
 public:
  Judge(const History& history, const Shown& shown) : history_(history), shown_(shown) {}

  Verdict run() {
    for (const Write& write : history_.writes()) {
      const bool gone = may_be_gone(write, history_.returns());
      out_.may_be_gone += gone ? 1 : 0;
      out_.maybe += write.promise == Promise::kMaybe ? 1 : 0;
      take(write, write.promise != Promise::kMaybe && !gone);
    }
    elements();
    registers();
    counters();
    return std::move(out_);
  }

 private:
  void take(const Write& write, bool certain) {
    switch (write.deed) {
      case Deed::kAdd:
      case Deed::kRemove: return elements_[write.key][write.member].take(write, certain);
      case Deed::kSet: return set(registers_[write.key], write, certain);
      case Deed::kIncrement: {
        Counter& counter = counters_[write.key];
        if (certain) counter.certain += write.amount;
        else (write.amount < 0 ? counter.least : counter.most) += write.amount;
      }
    }
  }

  void set(Cell& cell, const Write& write, bool certain) {
    const bool shared = write.key.starts_with(kShared);
    cell.last = &write;
    if (certain) {
      cell.may_be_absent = false;
      if (!shared) cell.values.clear();
      if (!cell.certain || *cell.certain < write.tag) cell.certain = write.tag;
    }
    cell.values.emplace_back(write.tag, write.value);
    if (shared && cell.certain) std::erase_if(cell.values, [&](const auto& one) { return one.first < *cell.certain; });
  }

  void elements() {
    for (auto& [key, members] : elements_) {
      const auto set = shown_.sets.find(key);
      for (const auto& [member, element] : members) {
        ++out_.elements;
        const bool there = set != shown_.sets.end() && set->second.contains(member);
        if (!there && !element.may_be_absent) note(out_.lost, key + " " + member + ": lost; last " + words_for(*element.last));
        if (there && !element.may_be_present) note(out_.came_back, key + " " + member + ": came back; last " + words_for(*element.last));
        if (!there && element.may_be_present && element.last->deed == Deed::kAdd && element.last->promise == Promise::kOneDisk) ++out_.gone;
      }
    }
    for (const auto& [key, members] : shown_.sets) {
      const auto written = elements_.find(key);
      for (const std::string& member : members) {
        if (written == elements_.end() || !written->second.contains(member)) note(out_.came_back, key + " " + member + ": nobody ever added it");
      }
    }
  }

  void registers() {
    for (const auto& [key, cell] : registers_) {
      ++out_.registers;
      const auto found = shown_.registers.find(key);
      if (found == shown_.registers.end()) {
        if (!cell.may_be_absent) note(out_.lost, key + ": has no value; last " + words_for(*cell.last));
        continue;
      }
      const bool known = std::any_of(cell.values.begin(), cell.values.end(), [&](const auto& one) { return one.second == found->second; });
      if (!known) note(out_.lost, key + ": shows " + found->second + ", which was written over; last " + cell.last->value + ", " + words_for(*cell.last));
    }
  }

  void counters() {
    for (const auto& [key, counter] : counters_) {
      const auto found = shown_.counters.find(key);
      const std::int64_t total = found == shown_.counters.end() ? 0 : found->second;
      const std::int64_t least = counter.certain + counter.least, most = counter.certain + counter.most;
      if (total >= least && total <= most) continue;
      note(out_.counters, key + ": " + std::to_string(total) + ", and should be " + std::to_string(least) +
                              (least == most ? "" : " to " + std::to_string(most)));
    }
  }

  const History& history_;
  const Shown& shown_;
  Verdict out_;
  std::map<std::string, std::unordered_map<std::string, Element>> elements_;
  std::map<std::string, Cell> registers_;
  std::map<std::string, Counter> counters_;
};

}  // namespace

bool may_be_gone(const Write& write, const std::vector<DiskReturn>& returns) {
  if (write.promise != Promise::kOneDisk) return false;
  return std::any_of(returns.begin(), returns.end(), [&](const DiskReturn& back) {
    return back.node == write.node && write.answered > back.others_held && write.answered <= back.at;
  });
}

Verdict judge(const History& history, const Shown& shown) { return Judge(history, shown).run(); }

}  // namespace kith::soak
