#include "store/page_check.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "store/page_file.h"
#include "store/verify.h"

namespace kith {
namespace {

class PageCheck {
 public:
  explicit PageCheck(const std::string& path) : in_(path) { report_.file_bytes = in_.bytes(); }

  PageReport run() {
    if (look_at_meta()) {
      walk_all();
      look_for_lost();
    }
    if (more_ > 0) report_.findings.push_back("and " + std::to_string(more_) + " more");
    return std::move(report_);
  }

 private:
  struct Bounds {  // Of the keys of a page: from `least` on, below `above`.
    std::optional<std::string> least, above;
  };
  struct Walk {
    Tree tree;
    DatabasePages seen{};
  };

  void finding(std::string what) {
    if (report_.findings.size() < kFindingsMax) {
      report_.findings.push_back(std::move(what));
    } else {
      ++more_;
    }
  }
  void page_finding(const Walk& walk, std::uint64_t page, const std::string& what) {
    finding("page " + std::to_string(page) + " of '" + walk.tree.pages.name + "' " + what);
  }

  bool look_at_meta();
  std::uint64_t newest_freed(const Tree& free, std::uint64_t page_bytes) const;
  void walk_all();
  void walk_tree(Walk& walk);
  void walk_page(Walk& walk, std::uint64_t page, int depth, const Bounds& bounds);
  void look_at_leaf(Walk& walk, std::uint64_t page, std::string_view node, std::string_view key);
  std::optional<std::string> data_of(Walk& walk, std::uint64_t page, std::string_view node, std::size_t key_bytes);
  std::optional<std::string> take_overflow(Walk& walk, std::uint64_t from, std::uint64_t page, std::uint64_t size);
  void take_free(const Walk& walk, std::uint64_t page, std::string_view list);
  bool take(const Walk& walk, std::uint64_t page, std::uint64_t count = 1);
  bool in_order(const Walk& walk, std::string_view before, std::string_view after) const;
  void look_for_lost();

  enum class Use : std::uint8_t { kNone, kUsed, kFree };

  PageFile in_;
  PageReport report_;
  std::size_t more_ = 0;
  Tree free_, names_;
  std::vector<Use> use_;
  std::vector<Tree> named_;  // Found among the names.
};

bool PageCheck::look_at_meta() {
  const std::string head = in_.regular() ? in_.read(0, kHeaderBytes + kMetaBytes) : "";
  const auto not_ours = [&](const std::string& why) {
    finding(why);
    return false;
  };
  if (!in_.regular()) return not_ours("it is no file");
  if (head.empty()) return not_ours("it is empty, which a store never is: what it held is lost");
  if (head.size() < kHeaderBytes + kMetaBytes) {
    return not_ours("it has " + std::to_string(head.size()) + " bytes, less than the beginning of a store");
  }
  // The page size stands in the first meta page; where that is damaged, the second may still be found at the usual
  // size.
  std::uint64_t page_bytes = 4096;
  if (number_at<std::uint32_t>(head, kHeaderBytes) == kMagic) page_bytes = number_at<std::uint32_t>(head, kHeaderBytes + 24);
  if (page_bytes < kPageBytesLeast || page_bytes > kPageBytesMost || (page_bytes & (page_bytes - 1)) != 0) {
    return not_ours("its first page says that pages have " + std::to_string(page_bytes) + " bytes, which cannot be");
  }
  std::uint64_t transactions[2] = {0, 0}, freed_by[2] = {0, 0};
  std::size_t sound = 0;
  for (std::uint64_t i = 0; i < 2; ++i) {
    const std::string page = in_.read(i * page_bytes, kHeaderBytes + kMetaBytes);
    if (page.size() < kHeaderBytes + kMetaBytes) {
      finding("it is cut short in its first two pages: it has " + std::to_string(in_.bytes()) + " bytes");
      continue;
    }
    const std::string_view meta = std::string_view(page).substr(kHeaderBytes);
    if (number_at<std::uint32_t>(meta, 0) != kMagic) {
      finding(i == 0 ? "it does not begin as a store does: it is another kind of file, or its beginning is damaged"
                     : "its second page is not that of a store");
      continue;
    }
    if (number_at<std::uint32_t>(meta, 4) != kVersion || number_at<std::uint16_t>(page, 10) != kMetaPage ||
        number_at<std::uint64_t>(page, 0) != i || number_at<std::uint32_t>(meta, 24) != page_bytes) {
      finding("meta page " + std::to_string(i) + " is damaged, or of another version of LMDB");
      continue;
    }
    transactions[i] = number_at<std::uint64_t>(meta, 128);
    freed_by[i] = newest_freed(tree_at(meta.substr(24), ""), page_bytes);
    if (sound++ > 0 && transactions[i] <= report_.transaction) continue;
    report_.transaction = transactions[i];
    report_.map_bytes = number_at<std::uint64_t>(meta, 16);
    report_.pages = number_at<std::uint64_t>(meta, 120) + 1;
    free_ = tree_at(meta.substr(24), "(free pages)");
    names_ = tree_at(meta.substr(24 + kDbBytes), "(names)");
  }
  report_.page_bytes = page_bytes;
  if (sound < 2) return false;
  // SUBTLE: commits are written to the two in turn, so their numbers follow upon each other (both are zero in a file that
  // was only made).  With another one, LMDB would take the last commit but one for the last.
  // SUBTLE: the last may also seem to be the one before the last but one, or that one to be the next; but each commit frees
  // pages (all but the first, and that of a packed copy), and these are listed under its number.
  const std::uint64_t freed = freed_by[transactions[1] > transactions[0] ? 1 : 0];
  if (transactions[0] + transactions[1] != 0 &&
      ((freed != 0 && freed != report_.transaction) || freed_by[0] > transactions[0] || freed_by[1] > transactions[1] ||
       std::max(transactions[0], transactions[1]) - std::min(transactions[0], transactions[1]) != 1 ||
       report_.transaction % 2 != (transactions[1] > transactions[0] ? 1 : 0))) {
    finding("its two meta pages say that they are of the commits " + std::to_string(transactions[0]) + " and " +
            std::to_string(transactions[1]) + ", which cannot be");
    return false;
  }
  // How LMDB compares keys and takes values apart.
  if ((free_.flags & ~kNoSubDirectory) != kIntegerKey || names_.flags != 0) {
    finding("its meta page names kinds of databases that no store has");
    return false;
  }
  // Also keeps what is taken for the map of pages within the size of the file.
  if (report_.pages < 2 || report_.pages > in_.bytes() / page_bytes) {
    const bool sensible = report_.pages >= 2 && report_.pages <= report_.map_bytes / page_bytes;
    finding(sensible ? "it is cut short: it has " + std::to_string(in_.bytes()) + " bytes of " +
                           std::to_string(report_.pages * page_bytes)
                     : "its meta page names " + std::to_string(report_.pages) + " pages, which cannot be");
    return false;
  }
  use_.assign(report_.pages, Use::kNone);
  use_[0] = use_[1] = Use::kUsed;
  return true;
}

// The newest commit that the list of free pages names; zero where that cannot be told.  Trusts nothing: of the two lists one
// is never walked.
std::uint64_t PageCheck::newest_freed(const Tree& free, std::uint64_t page_bytes) const {
  std::uint64_t page = free.root;
  for (int depth = 0; depth < kDepthMost; ++depth) {
    if (page < 2 || page >= in_.bytes() / page_bytes) return 0;
    const std::string bytes = in_.read(page * page_bytes, page_bytes);
    if (bytes.size() < page_bytes) return 0;
    const std::uint16_t flags = number_at<std::uint16_t>(bytes, 10), lower = number_at<std::uint16_t>(bytes, 12);
    if ((flags != kBranch && flags != kLeaf) || lower < kHeaderBytes + 2 || lower > page_bytes) return 0;
    const std::uint64_t last = number_at<std::uint16_t>(bytes, lower - 2U);
    if (last + kNodeHeaderBytes + 8 > page_bytes) return 0;
    if (flags == kLeaf) return number_at<std::uint64_t>(bytes, last + kNodeHeaderBytes);
    page = child_of(std::string_view(bytes).substr(last));
  }
  return 0;
}

void PageCheck::walk_all() {
  Walk names{names_};
  walk_tree(names);
  for (const Tree& tree : std::exchange(named_, {})) {
    Walk walk{tree};
    walk_tree(walk);
  }
  // Last, so that a page that is both free and used is reported as what it is.
  Walk free{free_};
  walk_tree(free);
}

void PageCheck::walk_tree(Walk& walk) {
  const Tree& tree = walk.tree;
  walk.seen.name = tree.pages.name;
  if (tree.root != kNoPage) walk_page(walk, tree.root, 1, {});
  const DatabasePages &seen = walk.seen, &said = tree.pages;
  if ((tree.root == kNoPage) != (tree.depth == 0) || tree.depth > kDepthMost) {
    finding("the depth of '" + said.name + "' is said to be " + std::to_string(tree.depth) + ", which cannot be");
  }
  const auto compare = [&](const char* what, std::uint64_t found, std::uint64_t kept) {
    if (found == kept) return;
    finding("'" + said.name + "' has " + std::to_string(found) + " " + what + ", but is said to have " +
            std::to_string(kept));
  };
  compare("entries", seen.entries, said.entries);
  compare("branch pages", seen.branch_pages, said.branch_pages);
  compare("leaf pages", seen.leaf_pages, said.leaf_pages);
  compare("overflow pages", seen.overflow_pages, said.overflow_pages);
  report_.databases.push_back(seen);
}

bool PageCheck::in_order(const Walk& walk, std::string_view before, std::string_view after) const {
  if (walk.tree.pages.name == free_.pages.name) {
    return before.size() == 8 && after.size() == 8 &&
           number_at<std::uint64_t>(before, 0) < number_at<std::uint64_t>(after, 0);
  }
  return before < after;  // As memcmp does, the shorter first.
}

bool PageCheck::take(const Walk& walk, std::uint64_t page, std::uint64_t count) {
  if (page < 2 || page >= report_.pages || count > report_.pages - page) {
    finding("'" + walk.tree.pages.name + "' names page " + std::to_string(page) + ", and there is no such page");
    return false;
  }
  for (std::uint64_t i = page; i < page + count; ++i) {
    if (use_[i] != Use::kNone) {
      page_finding(walk, i, use_[i] == Use::kFree ? "is in use and listed as free" : "is used twice");
      return false;
    }
    use_[i] = Use::kUsed;
  }
  return true;
}

void PageCheck::walk_page(Walk& walk, std::uint64_t page, int depth, const Bounds& bounds) {
  if (!take(walk, page)) return;
  const std::uint64_t page_bytes = report_.page_bytes;
  const std::string bytes = in_.read(page * page_bytes, page_bytes);
  if (bytes.size() < page_bytes) return page_finding(walk, page, "is cut off");
  const std::uint16_t flags = number_at<std::uint16_t>(bytes, 10);
  const std::uint64_t lower = number_at<std::uint16_t>(bytes, 12), upper = number_at<std::uint16_t>(bytes, 14);
  const bool branch = flags == kBranch;
  if (number_at<std::uint64_t>(bytes, 0) != page || (!branch && flags != kLeaf) || branch != (depth < walk.tree.depth)) {
    return page_finding(walk, page, "is damaged: its header is not that of this page");
  }
  if (lower < kHeaderBytes || lower % 2 != 0 || lower > upper || upper > page_bytes) {
    return page_finding(walk, page, "is damaged: what it says of its own room cannot be");
  }
  const std::uint64_t nodes = (lower - kHeaderBytes) / 2;
  // SUBTLE: LMDB leaves branches with one child in its list of free pages.
  const bool one_will_do = !branch || walk.tree.pages.name == free_.pages.name;
  if (nodes < (one_will_do ? 1 : 2)) return page_finding(walk, page, "is damaged: it has too few entries");
  ++(branch ? walk.seen.branch_pages : walk.seen.leaf_pages);

  // All nodes, then what they point to, since a page that is damaged should not lead anywhere.
  struct Node {
    std::string_view bytes, key;
  };
  std::vector<Node> found;
  found.reserve(nodes);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> spans;  // Of each node, from and to.
  spans.reserve(nodes);
  for (std::uint64_t i = 0; i < nodes; ++i) {
    const std::uint64_t at = number_at<std::uint16_t>(bytes, kHeaderBytes + 2 * i);
    if (at < upper || at + kNodeHeaderBytes > page_bytes || at % 2 != 0) {
      return page_finding(walk, page, "is damaged: an entry lies outside of it");
    }
    const std::uint64_t key_bytes = number_at<std::uint16_t>(bytes, at + 6);
    if (at + kNodeHeaderBytes + key_bytes > page_bytes || key_bytes > kKeyBytesMost) {
      return page_finding(walk, page, "is damaged: a key lies outside of it");
    }
    const std::string_view node = std::string_view(bytes).substr(at);
    found.push_back({node, node.substr(kNodeHeaderBytes, key_bytes)});
    const std::uint64_t size = kNodeHeaderBytes + key_bytes + (branch ? 0 : data_bytes_on_page(node));
    spans.emplace_back(at, at + size + size % 2);
  }
  // SUBTLE: LMDB moves nodes about by what they say of their sizes, and counts on their filling the page from `upper` to its
  // end: one that reaches into the next is harmless until something beside it is written.
  std::sort(spans.begin(), spans.end());
  std::uint64_t end = upper;
  for (const auto& [from, to] : spans) {
    if (from != end) return page_finding(walk, page, "is damaged: its entries overlap or leave gaps");
    end = to;
  }
  if (end != page_bytes) return page_finding(walk, page, "is damaged: its entries do not fill it to its end");
  for (std::uint64_t i = 0; i < nodes; ++i) {
    const std::string_view key = found[i].key;
    if (branch && i == 0) continue;  // Its key does not count.
    const bool ordered = (!bounds.least || *bounds.least == key || in_order(walk, *bounds.least, key)) &&
                         (!bounds.above || in_order(walk, key, *bounds.above)) &&
                         (i == 0 || (branch && i == 1) || in_order(walk, found[i - 1].key, key));
    if (!ordered) return page_finding(walk, page, "is damaged: its keys are not in order");
  }
  for (std::uint64_t i = 0; i < nodes; ++i) {
    if (!branch) {
      look_at_leaf(walk, page, found[i].bytes, found[i].key);
      continue;
    }
    const std::uint64_t child = child_of(found[i].bytes);
    Bounds inner = bounds;
    if (i > 0) inner.least = std::string(found[i].key);
    if (i + 1 < nodes) inner.above = std::string(found[i + 1].key);
    walk_page(walk, child, depth + 1, inner);
  }
}

void PageCheck::look_at_leaf(Walk& walk, std::uint64_t page, std::string_view node, std::string_view key) {
  ++walk.seen.entries;
  const auto data = data_of(walk, page, node, key.size());
  if (!data) return;
  const bool tree = (number_at<std::uint16_t>(node, 4) & kSubData) != 0;
  if (walk.tree.pages.name == names_.pages.name) {
    if (!tree || data->size() != kDbBytes) return page_finding(walk, page, "is damaged: a name does not name a database");
    named_.push_back(tree_at(*data, std::string(key)));
    if (named_.back().flags != 0) page_finding(walk, page, "is damaged: a database of a kind that no store has");
  } else if (tree) {
    page_finding(walk, page, "is damaged: an entry claims to be a database");
  } else if (walk.tree.pages.name == free_.pages.name) {
    // The key is the commit that freed them.
    if (key.size() != 8 || number_at<std::uint64_t>(key, 0) > report_.transaction) {
      return page_finding(walk, page, "is damaged: pages freed by a commit that cannot be");
    }
    take_free(walk, page, *data);
  }
}

std::optional<std::string> PageCheck::data_of(Walk& walk, std::uint64_t page, std::string_view node,
                                              std::size_t key_bytes) {
  const std::uint64_t size = data_bytes(node);
  const std::uint16_t flags = number_at<std::uint16_t>(node, 4);
  const std::string_view behind = node.substr(kNodeHeaderBytes + key_bytes);
  if ((flags & ~(kBigData | kSubData)) != 0) {
    page_finding(walk, page, "is damaged: an entry of an unknown kind");
    return std::nullopt;
  }
  if ((flags & kBigData) == 0) {
    if (size <= behind.size()) return std::string(behind.substr(0, size));
    page_finding(walk, page, "is damaged: a value lies outside of it");
    return std::nullopt;
  }
  if (behind.size() < 8) {
    page_finding(walk, page, "is damaged: a value lies outside of it");
    return std::nullopt;
  }
  return take_overflow(walk, page, number_at<std::uint64_t>(behind, 0), size);
}

std::optional<std::string> PageCheck::take_overflow(Walk& walk, std::uint64_t from, std::uint64_t page,
                                                    std::uint64_t size) {
  const std::uint64_t page_bytes = report_.page_bytes;
  const std::uint64_t needed = (kHeaderBytes - 1 + size) / page_bytes + 1;
  const std::string header = page < report_.pages ? in_.read(page * page_bytes, kHeaderBytes) : std::string();
  // SUBTLE: more than are needed when a large value was written twice in one commit, and the second time was smaller.
  const std::uint64_t count = header.size() < kHeaderBytes ? needed : number_at<std::uint32_t>(header, 12);
  if (!take(walk, page, std::max(needed, count))) return std::nullopt;
  walk.seen.overflow_pages += count;
  const std::string bytes = in_.read(page * page_bytes, kHeaderBytes + size);
  if (bytes.size() < kHeaderBytes + size || number_at<std::uint64_t>(bytes, 0) != page ||
      number_at<std::uint16_t>(bytes, 10) != kOverflow || count < needed) {
    page_finding(walk, from, "is damaged: it names pages " + std::to_string(page) + " and on for a large value, whose "
                             "header is not that");
    return std::nullopt;
  }
  return bytes.substr(kHeaderBytes);
}

// count:u64 page:u64*, from high to low.
void PageCheck::take_free(const Walk& walk, std::uint64_t page, std::string_view list) {
  const std::uint64_t count = list.size() < 8 ? kNoPage : number_at<std::uint64_t>(list, 0);
  if (list.size() < 8 || count > list.size() / 8 - 1) {
    return page_finding(walk, page, "is damaged: a list of free pages that cannot be");
  }
  for (std::uint64_t i = 1; i <= count; ++i) {
    const std::uint64_t free = number_at<std::uint64_t>(list, 8 * i);
    if (i > 1 && free >= number_at<std::uint64_t>(list, 8 * (i - 1))) {
      return page_finding(walk, page, "is damaged: its list of free pages is not in order");
    }
    if (free < 2 || free >= report_.pages) {
      return page_finding(walk, page, "is damaged: it lists page " + std::to_string(free) + " as free, and there is no such page");
    }
    if (use_[free] != Use::kNone) {
      return page_finding(walk, page, "lists page " + std::to_string(free) + " as free, which is " +
                                          (use_[free] == Use::kUsed ? "in use" : "listed twice"));
    }
    use_[free] = Use::kFree;
    ++report_.free_pages;
  }
}

void PageCheck::look_for_lost() {
  report_.lost_pages = static_cast<std::uint64_t>(std::count(use_.begin(), use_.end(), Use::kNone));
}

}  // namespace

PageReport check_pages(const std::string& file) { return PageCheck(file).run(); }

}  // namespace kith
