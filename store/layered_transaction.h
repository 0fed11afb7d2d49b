// store/layered_transaction.h -- tables of recent changes over what lies beneath, as one transaction.
//
//     get, walk ----> newest table ----> table before it ----> the file
//     put, del -----> newest table, for the commit at hand
//
// The tables and what lies beneath must outlive it, and the walks of it.
#pragma once

#include <array>
#include <string>

#include "store/recent_table.h"
#include "store/transaction.h"

namespace kith {

// Newest first; null where there is none.
struct RecentLayers {
  std::array<const RecentTable*, 2> tables{};
  RecentTable::Commit commit = 0;  // Up to which is looked.

  // Null: none of them says anything.
  const RecentTable::Version* find(Database database, std::string_view key) const;
  bool hold_any(Database database) const;
};

class LayeredReadTransaction final : public ReadTransaction {
 public:
  LayeredReadTransaction(const ReadTransaction& below, RecentLayers layers) : below_(below), layers_(layers) {}

  std::optional<std::string_view> get(Database database, std::string_view key) const override;
  std::unique_ptr<Walk> walk(Database database) const override;
  bool empty(Database database) const override;
  std::unique_ptr<Walk> walk_on_disk(Database database) const override { return below_.walk(database); }

 private:
  const ReadTransaction& below_;
  RecentLayers layers_;
};

// Writes nothing beneath.
class LayeredWriteTransaction final : public WriteTransaction {
 public:
  // `layers`: with `into` as the first, and the commit that is being made.
  LayeredWriteTransaction(const ReadTransaction& below, RecentLayers layers, RecentTable& into)
      : below_(below), layers_(layers), into_(into) {}

  std::optional<std::string_view> get(Database database, std::string_view key) const override;
  std::unique_ptr<Walk> walk(Database database) const override;
  bool empty(Database database) const override;
  void put(Database database, std::string_view key, std::string_view value) override;
  void del(Database database, std::string_view key) override;

  std::int64_t rows_more() const { return rows_more_; }  // In `cells`, than before.

 private:
  bool there(Database database, std::string_view key) const;

  const ReadTransaction& below_;
  const RecentLayers layers_;
  RecentTable& into_;
  std::int64_t rows_more_ = 0;
  // Of `cells`: what was asked for last, since it is put most often.
  mutable std::string asked_;
  mutable bool asked_there_ = false;
};

}  // namespace kith
