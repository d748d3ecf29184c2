#include "storage/catalog.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <tuple>
#include <unordered_set>

#include <fmt/format.h>

namespace dashcap {
namespace {

constexpr size_t kStartDigits = 19;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

struct DirectoryName {
  std::string name;
  bool is_directory;
  bool is_file;
};

Result<std::vector<DirectoryName>> NamesIn(const std::string& directory) {
  std::unique_ptr<DIR, CloseDirectory> open(::opendir(directory.c_str()));
  if (!open) return Fail(SystemError("list " + directory));
  std::vector<DirectoryName> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(open.get());
    if (!entry) break;
    unsigned char type = entry->d_type;
    if (type == DT_UNKNOWN) {
      struct stat status;
      if (::fstatat(::dirfd(open.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
      type = S_ISDIR(status.st_mode) ? DT_DIR : S_ISREG(status.st_mode) ? DT_REG : DT_LNK;
    }
    names.push_back({entry->d_name, type == DT_DIR, type == DT_REG});
  }
  if (errno != 0) return Fail(SystemError("list " + directory));
  return names;
}

uint64_t SizeOf(const std::string& path) {
  struct stat status;
  return ::lstat(path.c_str(), &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
}

std::string Stem(Timestamp start) {
  return fmt::format("{:0{}}", std::max<int64_t>(ToUnixNanoseconds(start), 0), kStartDigits);
}

bool EndsWith(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

std::string_view SuffixOf(Packing packing) { return packing == Packing::kPlain ? kBlockfileSuffix : kZstdSuffix; }

}  // namespace

std::string BlockfileName(Timestamp start, bool open, Packing packing) {
  return (open ? "." : "") + Stem(start) + std::string(SuffixOf(packing));
}

std::string IndexPathOf(const std::string& blockfile) {
  for (const Packing packing : {Packing::kPlain, Packing::kZstd}) {
    const std::string_view suffix = SuffixOf(packing);
    if (EndsWith(blockfile, suffix)) return blockfile.substr(0, blockfile.size() - suffix.size()) + kIndexSuffix;
  }
  return blockfile + kIndexSuffix;
}

std::string BlockfileEntry::path() const { return lane_directory + "/" + BlockfileName(start, open, packing); }

std::string BlockfileEntry::index_path() const { return lane_directory + "/" + Stem(start) + kIndexSuffix; }

std::optional<BlockfileEntry> ParseBlockfileName(const std::string& lane_directory, const std::string& name) {
  BlockfileEntry entry;
  std::string_view text = name;
  entry.open = text.starts_with('.');
  if (entry.open) text.remove_prefix(1);
  if (EndsWith(text, kZstdSuffix)) entry.packing = Packing::kZstd;
  const std::string_view suffix = SuffixOf(entry.packing);
  if (!EndsWith(text, suffix)) return std::nullopt;
  text.remove_suffix(suffix.size());
  int64_t start = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), start);
  if (text.size() != kStartDigits || error != std::errc{} || end != text.data() + text.size() || start < 0)
    return std::nullopt;
  entry.start = FromUnixNanoseconds(start);
  entry.lane_directory = lane_directory;
  entry.lane = lane_directory.substr(lane_directory.rfind('/') + 1);
  return entry;
}

Result<std::vector<std::string>> ListLanes(const std::string& archive) {
  auto names = NamesIn(archive);
  if (!names) return Fail(names.error());
  std::vector<std::string> lanes;
  for (const DirectoryName& entry : *names) {
    if (entry.is_directory && !entry.name.starts_with('.') && entry.name != "lost+found")
      lanes.push_back(archive + "/" + entry.name);
  }
  std::sort(lanes.begin(), lanes.end());
  return lanes;
}

uint64_t SizeOf(const BlockfileEntry& file) {
  return SizeOf(file.path()) + (file.has_index ? SizeOf(file.index_path()) : 0);
}

Result<std::vector<BlockfileEntry>> ListLane(const std::string& lane_directory) {
  auto files = ListLaneWithoutSizes(lane_directory);
  if (!files) return files;
  for (BlockfileEntry& file : *files) file.bytes = SizeOf(file);
  return files;
}

Result<std::vector<BlockfileEntry>> ListLaneWithoutSizes(const std::string& lane_directory) {
  auto names = NamesIn(lane_directory);
  if (!names) return Fail(names.error());
  std::vector<BlockfileEntry> files;
  std::unordered_set<std::string> others;  // indexes and pins
  for (DirectoryName& entry : *names) {
    if (EndsWith(entry.name, kPinSuffix) || (entry.is_file && EndsWith(entry.name, kIndexSuffix))) {
      others.insert(std::move(entry.name));
    } else if (entry.is_file) {
      if (auto file = ParseBlockfileName(lane_directory, entry.name)) files.push_back(std::move(*file));
    }
  }
  for (BlockfileEntry& file : files) {
    const std::string stem = Stem(file.start);
    file.has_index = !file.open && others.contains(stem + kIndexSuffix);
    file.pinned = others.contains(stem + kPinSuffix);
  }
  std::sort(files.begin(), files.end(),
            [](const BlockfileEntry& a, const BlockfileEntry& b) { return a.start < b.start; });
  return files;
}

Result<std::vector<BlockfileEntry>> ListArchive(const std::string& archive) {
  auto lanes = ListLanes(archive);
  if (!lanes) return Fail(lanes.error());
  std::vector<BlockfileEntry> files;
  for (const std::string& lane : *lanes) {
    auto in_lane = ListLane(lane);
    if (!in_lane) return in_lane;
    files.insert(files.end(), std::make_move_iterator(in_lane->begin()), std::make_move_iterator(in_lane->end()));
  }
  std::stable_sort(files.begin(), files.end(), [](const BlockfileEntry& a, const BlockfileEntry& b) {
    return std::tie(a.start, a.lane_directory) < std::tie(b.start, b.lane_directory);
  });
  return files;
}

}  // namespace dashcap
