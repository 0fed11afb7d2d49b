// store/page_file.h -- a data file as bytes, and how LMDB lays its pages out.  Private to store/page_check.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "store/page_check.h"

namespace kith {

// The layout of LMDB 0.9 on a 64-bit little-endian machine, as its mdb.c defines it:
//
//     page    number:u64 pad:u16 flags:u16 (lower:u16 upper:u16 | overflow pages:u32)  offset:u16 of each node
//     node    low:u16 high:u16 flags:u16 key bytes:u16 key [data]
//             branch: the child's page is low, high, flags; leaf: low, high is the size of the data
//     meta    (behind the page header) magic:u32 version:u32 address:u64 map bytes:u64 db free, db names, last page:u64
//             transaction:u64
//     db      pad:u32 flags:u16 depth:u16 branch:u64 leaf:u64 overflow:u64 entries:u64 root:u64
inline constexpr std::uint64_t kHeaderBytes = 16, kNodeHeaderBytes = 8, kDbBytes = 48, kMetaBytes = 136;
inline constexpr std::uint32_t kMagic = 0xBEEFC0DE, kVersion = 1;
inline constexpr std::uint16_t kBranch = 0x01, kLeaf = 0x02, kOverflow = 0x04, kMetaPage = 0x08;
inline constexpr std::uint16_t kBigData = 0x01, kSubData = 0x02;
// Of a database; of the free pages also what the file was made with.
inline constexpr std::uint16_t kIntegerKey = 0x08, kNoSubDirectory = 0x4000;
inline constexpr std::uint64_t kNoPage = ~std::uint64_t{0};
inline constexpr std::uint64_t kPageBytesLeast = 512, kPageBytesMost = 65536;
inline constexpr std::size_t kKeyBytesMost = 511;
// More than any tree has: each level has at least two children.
inline constexpr int kDepthMost = 32;

template <class Number>
Number number_at(std::string_view bytes, std::uint64_t at) {
  Number out;
  std::memcpy(&out, bytes.data() + at, sizeof out);
  return out;
}

struct Tree {
  std::uint16_t flags = 0;
  std::uint16_t depth = 0;
  DatabasePages pages;
  std::uint64_t root = kNoPage;
};

inline Tree tree_at(std::string_view bytes, std::string name) {
  Tree out;
  out.flags = number_at<std::uint16_t>(bytes, 4);
  out.depth = number_at<std::uint16_t>(bytes, 6);
  out.pages.name = std::move(name);
  out.pages.branch_pages = number_at<std::uint64_t>(bytes, 8);
  out.pages.leaf_pages = number_at<std::uint64_t>(bytes, 16);
  out.pages.overflow_pages = number_at<std::uint64_t>(bytes, 24);
  out.pages.entries = number_at<std::uint64_t>(bytes, 32);
  out.root = number_at<std::uint64_t>(bytes, 40);
  return out;
}

inline std::uint64_t child_of(std::string_view branch_node) {
  return std::uint64_t{number_at<std::uint16_t>(branch_node, 0)} |
         std::uint64_t{number_at<std::uint16_t>(branch_node, 2)} << 16 |
         std::uint64_t{number_at<std::uint16_t>(branch_node, 4)} << 32;
}

inline std::uint64_t data_bytes(std::string_view leaf_node) {
  return std::uint64_t{number_at<std::uint16_t>(leaf_node, 0)} |
         std::uint64_t{number_at<std::uint16_t>(leaf_node, 2)} << 16;
}

// Of a large value only the number of its first page.
inline std::uint64_t data_bytes_on_page(std::string_view leaf_node) {
  return (number_at<std::uint16_t>(leaf_node, 4) & kBigData) != 0 ? 8 : data_bytes(leaf_node);
}

// Throws StoreError (kOther) when the file cannot be opened or read.
class PageFile {
 public:
  explicit PageFile(const std::string& path);
  ~PageFile();
  PageFile(const PageFile&) = delete;
  PageFile& operator=(const PageFile&) = delete;

  bool regular() const { return regular_; }
  std::uint64_t bytes() const { return bytes_; }
  std::string read(std::uint64_t at, std::uint64_t size) const;  // Shorter than asked for at the end of the file.

 private:
  [[noreturn]] void fail(const char* doing) const;

  const std::string path_;
  int fd_;
  bool regular_ = false;
  std::uint64_t bytes_ = 0;
};

}  // namespace kith
