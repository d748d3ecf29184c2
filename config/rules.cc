#include "config/rules.h"

#include <fmt/format.h>

#include <array>
#include <numeric>

namespace dashcap {
namespace {

constexpr size_t kLongestShown = 60;

// A value for an error message: scalars in full unless they are very long, lists and objects by their shape.
std::string Shown(const Json& value) {
  if (value.is_object()) return value.empty() ? "{}" : "{...}";
  if (value.is_array()) return value.empty() ? "[]" : "[...]";
  // Plain ASCII, so that cutting it splits no character and a terminal shows what is there.
  const std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true);
  return text.size() <= kLongestShown ? text : text.substr(0, kLongestShown) + "...";
}

// How many letters must be inserted, removed or replaced to make one word the other.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); i++) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); j++) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// The allowed key that was probably meant; empty when none is close.
std::string Nearest(const std::string& key, const std::vector<std::string>& allowed) {
  std::string nearest;
  size_t least = key.size() / 3 + 1;  // more than a third of it wrong is another word
  for (const std::string& candidate : allowed) {
    const size_t distance = EditDistance(key.substr(0, kLongestShown), candidate);
    if (distance > least || (distance == least && !nearest.empty())) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

constexpr std::string_view kSizeUnits = "KMGT";

int ShiftOfUnit(char unit) {
  const size_t index = kSizeUnits.find(unit);
  return index == std::string_view::npos ? 0 : 10 * (static_cast<int>(index) + 1);
}

std::optional<uint64_t> ParseSize(std::string_view text) {
  const int shift = text.empty() ? 0 : ShiftOfUnit(text.back());
  if (shift != 0) text.remove_suffix(1);
  if (text.empty() || text.size() > 18) return std::nullopt;  // 18 digits fit in 64 bits
  uint64_t size = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    size = size * 10 + static_cast<uint64_t>(c - '0');
  }
  if (size > std::numeric_limits<uint64_t>::max() >> shift) return std::nullopt;
  return size << shift;
}

// The shortest exact text that ParseSize reads: "64M".
std::string FormatSize(uint64_t size) {
  int units = 0;
  while (units < static_cast<int>(kSizeUnits.size()) && size != 0 && size % 1024 == 0) {
    size /= 1024;
    units++;
  }
  return std::to_string(size) + (units == 0 ? "" : std::string(1, kSizeUnits[static_cast<size_t>(units) - 1]));
}

std::optional<uint64_t> TakeSize(const Json& value) {
  if (value.is_number_unsigned()) return value.get<uint64_t>();
  if (value.is_string()) return ParseSize(value.get_ref<const std::string&>());
  return std::nullopt;
}

std::optional<Nanoseconds> TakeDuration(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  const Result<Nanoseconds> duration = ParseDuration(value.get_ref<const std::string&>());
  return duration ? std::optional(*duration) : std::nullopt;
}

bool IsPrintable(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

}  // namespace

std::string JoinPath(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

tl::unexpected<Error> Refuse(const Json& value, const std::string& path, const std::string& allowed) {
  return Fail(ErrorKind::kInvalidInput,
              fmt::format("{}{}{}: must be {}", path, path.empty() ? "" : ": ", Shown(value), allowed));
}

tl::unexpected<Error> RefuseKey(const std::string& path, const std::string& key,
                                const std::vector<std::string>& allowed) {
  const std::string shown = IsPrintable(key) && key.size() <= kLongestShown ? key : Shown(key);
  const std::string nearest = Nearest(key, allowed);
  const std::string hint = nearest.empty() ? "" : fmt::format("did you mean \"{}\"? ", nearest);
  return Fail(ErrorKind::kInvalidInput, fmt::format("{}: unknown key; {}allowed here: {}", JoinPath(path, shown), hint,
                                                    fmt::join(allowed, ", ")));
}

Rule<std::string> Text() { return TextThat(IsPrintable, "text without control characters"); }

Rule<std::string> TextThat(bool (*fits)(std::string_view), std::string allowed) {
  const auto take = [fits](const Json& value) -> std::optional<std::string> {
    if (!value.is_string()) return std::nullopt;
    const std::string& text = value.get_ref<const std::string&>();
    return IsPrintable(text) && fits(text) ? std::optional(text) : std::nullopt;
  };
  return RuleOf<std::string>(std::move(allowed), take, [](const std::string& text) { return text; });
}

Rule<std::string> SecretThat(bool (*fits)(std::string_view), std::string allowed) {
  Rule<std::string> rule = TextThat(fits, std::move(allowed));
  rule.read = [read = rule.read, allowed = rule.allowed](const Json& value, const std::string& path) {
    Result<std::string> text = read(value, path);
    if (!text) text = Fail(ErrorKind::kInvalidInput, path + ": must be " + allowed);
    return text;
  };
  return rule;
}

Rule<bool> Boolean() {
  const auto take = [](const Json& value) {
    return value.is_boolean() ? std::optional(value.get<bool>()) : std::nullopt;
  };
  return RuleOf<bool>("true or false", take, [](const bool& value) { return value; });
}

Rule<uint32_t> Number(uint32_t least, uint32_t most) {
  const auto take = [least, most](const Json& value) -> std::optional<uint32_t> {
    if (!value.is_number_unsigned()) return std::nullopt;
    const auto number = value.get<uint64_t>();
    return number >= least && number <= most ? std::optional(static_cast<uint32_t>(number)) : std::nullopt;
  };
  return RuleOf<uint32_t>(fmt::format("a number from {} to {}", least, most), take,
                          [](const uint32_t& number) { return number; });
}

Rule<double> Percent(int least, int most) {
  const auto take = [least, most](const Json& value) -> std::optional<double> {
    if (!value.is_number()) return std::nullopt;
    const auto number = value.get<double>();
    return number >= least && number <= most ? std::optional(number) : std::nullopt;
  };
  return RuleOf<double>(fmt::format("a number from {} to {}, fractions too", least, most), take,
                        [](const double& number) { return Json::parse(fmt::format("{}", number)); });
}

Rule<uint64_t> Size(uint64_t least, uint64_t most) {
  const auto take = [least, most](const Json& value) {
    const std::optional<uint64_t> size = TakeSize(value);
    return size && *size >= least && *size <= most ? size : std::nullopt;
  };
  const bool open = most == std::numeric_limits<int64_t>::max();
  const std::string range = open ? fmt::format("of at least {}", FormatSize(least))
                                 : fmt::format("from {} to {}", FormatSize(least), FormatSize(most));
  return RuleOf<uint64_t>(fmt::format("a size {}, such as \"64M\" or 67108864", range), take,
                          [](const uint64_t& size) { return FormatSize(size); });
}

Rule<Nanoseconds> Duration(Nanoseconds least, Nanoseconds most) {
  const auto take = [least, most](const Json& value) {
    const std::optional<Nanoseconds> duration = TakeDuration(value);
    return duration && *duration >= least && *duration <= most ? duration : std::nullopt;
  };
  const std::string range = most == Nanoseconds::max()
                                ? fmt::format("of at least {}", FormatDuration(least))
                                : fmt::format("from {} to {}", FormatDuration(least), FormatDuration(most));
  return RuleOf<Nanoseconds>(fmt::format("a duration {}, such as \"90s\" or \"1h30m\"", range), take,
                             [](const Nanoseconds& duration) { return FormatDuration(duration); });
}

}  // namespace dashcap
