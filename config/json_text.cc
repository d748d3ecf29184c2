#include "config/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

namespace dashcap {
namespace {

// Listens to the parser and remembers the first key that an object holds twice.
class DuplicateKeys {
 public:
  void See(Json::parse_event_t event, const Json& parsed) {
    switch (event) {
      case Json::parse_event_t::object_start:
      case Json::parse_event_t::array_start:
        levels_.push_back(Level{event == Json::parse_event_t::array_start, 0, {}, {}});
        break;
      case Json::parse_event_t::object_end:
      case Json::parse_event_t::array_end:
        levels_.pop_back();
        EndValue();
        break;
      case Json::parse_event_t::key:
        SeeKey(parsed.get<std::string>());
        break;
      case Json::parse_event_t::value:
        EndValue();
        break;
    }
  }

  // The path of that key; empty when there is none.
  const std::string& first() const { return first_; }

 private:
  struct Level {
    bool is_list;
    size_t index;     // of the element being read, in a list
    std::string key;  // of the value being read, in an object
    std::set<std::string> seen;
  };

  void SeeKey(const std::string& key) {
    levels_.back().key = key;
    if (!levels_.back().seen.insert(key).second && first_.empty()) first_ = Path();
  }

  void EndValue() {
    if (!levels_.empty() && levels_.back().is_list) levels_.back().index++;
  }

  std::string Path() const {
    std::string path;
    for (const Level& level : levels_) {
      if (level.is_list) {
        path += fmt::format("[{}]", level.index);
      } else {
        path += (path.empty() ? "" : ".") + level.key;
      }
    }
    return path;
  }

  std::vector<Level> levels_;
  std::string first_;
};

// "7:3", where the parser had read `bytes` bytes of the text.
std::string LineAndColumn(std::string_view text, size_t bytes) {
  const std::string_view before = text.substr(0, std::min(bytes > 0 ? bytes - 1 : 0, text.size()));
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return fmt::format("{}:{}", std::count(before.begin(), before.end(), '\n') + 1, before.size() - line_start + 1);
}

// The library's "[json.exception…] parse error at line 7, column 3: syntax error while parsing value - unexpected …"
// without the parts that say nothing new.
std::string Cause(std::string_view message) {
  for (const std::string_view end_of_noise : {"] ", "parse error at ", ": ", "syntax error while parsing ", " - "}) {
    const size_t found = message.find(end_of_noise);
    if (found == std::string_view::npos) break;
    message.remove_prefix(found + end_of_noise.size());
  }
  return std::string(message);
}

}  // namespace

Result<Json> ParseJsonText(std::string_view text, const std::string& name) {
  DuplicateKeys duplicates;
  const auto listen = [&duplicates](int, Json::parse_event_t event, Json& parsed) {
    duplicates.See(event, parsed);
    return true;
  };
  Json json;
  try {
    json = Json::parse(text, listen, /*allow_exceptions=*/true, /*ignore_comments=*/true);
  } catch (const Json::parse_error& error) {
    return Fail(ErrorKind::kInvalidInput,
                fmt::format("{}:{}: {}", name, LineAndColumn(text, error.byte), Cause(error.what())));
  } catch (const Json::exception& error) {
    return Fail(ErrorKind::kInvalidInput, fmt::format("{}: {}", name, Cause(error.what())));
  }
  if (!duplicates.first().empty()) {
    return Fail(ErrorKind::kInvalidInput, fmt::format("{}: {}: given twice", name, duplicates.first()));
  }
  return json;
}

}  // namespace dashcap
