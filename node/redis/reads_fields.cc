// Fields of hashes: a part of node/redis/reads.h.
#include <algorithm>

#include "crdt/limits.h"
#include "node/reads.h"
#include "node/redis/field_counters.h"
#include "node/redis/reads.h"

namespace kith::redis {

std::optional<std::string> Reads::field_text(std::string_view key, std::string_view field) {
  if (field.empty()) return std::nullopt;
  if (auto known = cell_at_once(key, Kind::kHash, field)) return std::move(known->value);
  request_.members.assign(1, std::string(field));
  return ask(ClientOp::kHget, key).value;
}

std::int64_t Reads::field_counted(std::string_view key, std::string_view field) {
  if (field.empty()) return 0;
  const std::string counter = field_counter(services_.table, key, field);
  if (counter.size() > kKeyBytesMax) return 0;  // Nobody can have counted there.
  request_.members.clear();
  request_.table = kFieldTable;
  const std::int64_t out = ask(ClientOp::kCount, counter).total.value_or(0);
  request_.table = services_.table;
  return out;
}

std::optional<std::string> Reads::field(std::string_view key, std::string_view field) {
  StringParts parts;
  parts.text = field_text(key, field);
  parts.counted = field_counted(key, field);
  return parts.shown();
}

void Reads::each_counter(const std::string& prefix, const std::string& after,
                         const std::function<bool(const std::string& counter, std::int64_t counted)>& visit) {
  if (failed() || prefix.size() > kKeyBytesMax) return;
  try {
    look();
    const auto behind = after.empty() ? std::nullopt : std::optional(Snapshot::KeyPosition{after, Kind::kCounter});
    snapshot_->keys(kFieldTable, prefix, behind, [&](const KeyCount& count) {
      return count.kind != Kind::kCounter || count.total == 0 || visit(count.key, count.total);
    });
  } catch (const StoreError& error) {
    error_ = std::string("ERR this node could not read its disk: ") + error.what();
  }
}

bool Reads::any_field_counted(std::string_view key) {
  bool any = false;
  each_counter(field_counters_of(services_.table, key), "", [&](const std::string&, std::int64_t) {
    any = true;
    return false;
  });
  return any;
}

void Reads::each_counted_field(std::string_view key, const std::function<bool(std::string& field, std::int64_t counted)>& visit) {
  each_counter(field_counters_of(services_.table, key), "", [&](const std::string& counter, std::int64_t counted) {
    auto name = parse_field_counter(services_.table, counter);
    return !name || visit(name->field, counted);
  });
}

std::uint64_t Reads::fields_only_counted(std::string_view key) {
  std::uint64_t out = 0;
  each_counted_field(key, [&](const std::string& field, std::int64_t) {
    if (!field_text(key, field)) ++out;
    return !failed();
  });
  return out;
}

void Reads::each_shown_field(std::string_view key, const std::function<bool(std::string& field, std::string& value)>& visit) {
  const bool any = any_field_counted(key);
  bool goes_on = true;
  each_field(key, [&](std::string& field, std::string& value) {
    if (!any) return goes_on = visit(field, value);
    std::string shown = *StringParts{std::move(value), field_counted(key, field), {}}.shown();
    return goes_on = !failed() && visit(field, shown);
  });
  if (!any || !goes_on) return;
  each_counted_field(key, [&](std::string& field, std::int64_t counted) {
    if (field_text(key, field) || failed()) return !failed();
    std::string shown = std::to_string(counted);
    return visit(field, shown);
  });
}

void Reads::add_counted_fields(std::string_view key, const std::string& after, std::uint32_t limit, Page& page) {
  std::size_t bytes = 0, looked_at = 0;
  std::string last;
  each_counter(field_counters_of(services_.table, key), after, [&](const std::string& counter, std::int64_t counted) {
    if ((limit != 0 && page.fields.size() == limit) || bytes > kPageBytesMax || ++looked_at > kRowsLookedAtMax) {
      page.next = kCountedPosition + last;
      return false;
    }
    last = counter;
    auto name = parse_field_counter(services_.table, counter);
    if (!name || field_text(key, name->field)) return !failed();
    bytes += name->field.size();
    page.fields.emplace_back(std::move(name->field), std::to_string(counted));
    return true;
  });
}

// SUBTLE: a key comes under the first of its counters that does not stand at zero, and only when it shows nowhere else, so it
// comes once, in whatever order long names lie.
Reads::Keys Reads::keys_only_counted(const std::string& prefix, const std::string& after, std::uint32_t limit) {
  Keys out;
  std::size_t bytes = 0, looked_at = 0;
  std::string last, last_key;
  each_counter(field_counters_below(services_.table, prefix), after, [&](const std::string& counter, std::int64_t) {
    if ((limit != 0 && out.keys.size() == limit) || bytes > kPageBytesMax || ++looked_at > kRowsLookedAtMax) {
      out.next = kCountedPosition + last;
      return false;
    }
    last = counter;
    auto name = parse_field_counter(services_.table, counter);
    if (!name || name->key == last_key) return true;
    last_key = name->key;
    std::string first;
    each_counter(field_counters_of(services_.table, name->key), "", [&](const std::string& its, std::int64_t) {
      first = its;
      return false;
    });
    const bool elsewhere = count(name->key, Kind::kSet) > 0 || count(name->key, Kind::kHash) > 0 || string(name->key).exists();
    if (failed() || first != counter || elsewhere) return !failed();
    bytes += name->key.size();
    out.keys.push_back({std::move(name->key), "hash"});
    return true;
  });
  return out;
}

}  // namespace kith::redis
