#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "config/config_keys.h"
#include "config/json_text.h"

namespace dashcap {

// What a value in the settings may be, and how it is read and shown. Errors start with the path that `read` is given:
// `capture[0].snap_length: -1: must be a number from 64 to 1048576`.
template <class V>
struct Rule {
  std::string allowed;  // completes "must be …"
  std::function<Result<V>(const Json& value, const std::string& path)> read;
  std::function<Json(const V&)> show;
  // The keys inside, when the value has any.
  std::function<std::vector<ConfigKey>(const std::string& path)> keys_within;
};

// "archive.file_age" of "archive" and "file_age"; nothing stands before a key of the file itself.
std::string JoinPath(const std::string& path, const std::string& name);

// "PATH: VALUE: must be ALLOWED".
tl::unexpected<Error> Refuse(const Json& value, const std::string& path, const std::string& allowed);

// `unknown key; did you mean "min_free_percent"? allowed here: …`.
tl::unexpected<Error> RefuseKey(const std::string& path, const std::string& key,
                                const std::vector<std::string>& allowed);

// Any text without control characters.
Rule<std::string> Text();
Rule<std::string> TextThat(bool (*fits)(std::string_view), std::string allowed);
// As TextThat, but no error repeats the value, which a mistaken user may have made a password.
Rule<std::string> SecretThat(bool (*fits)(std::string_view), std::string allowed);
Rule<bool> Boolean();
Rule<uint32_t> Number(uint32_t least, uint32_t most);
Rule<double> Percent(int least, int most);
// Bytes: a number, or text with K, M, G or T, powers of 1024.
Rule<uint64_t> Size(uint64_t least, uint64_t most = std::numeric_limits<int64_t>::max());
Rule<Nanoseconds> Duration(Nanoseconds least, Nanoseconds most = Nanoseconds::max());

// The rule whose values one function takes from JSON, or doesn't.
template <class V, class Take>
Rule<V> RuleOf(std::string allowed, Take take, std::function<Json(const V&)> show) {
  const auto read = [allowed, take](const Json& value, const std::string& path) -> Result<V> {
    std::optional<V> taken = take(value);
    if (!taken) return Refuse(value, path, allowed);
    return *std::move(taken);
  };
  return Rule<V>{allowed, read, std::move(show), nullptr};
}

template <class V>
Rule<V> OneOf(std::vector<std::pair<std::string, V>> words) {
  std::string allowed;
  for (const auto& word : words) allowed += (allowed.empty() ? "\"" : " or \"") + word.first + "\"";
  const auto take = [words](const Json& value) -> std::optional<V> {
    for (const auto& word : words) {
      if (value == word.first) return word.second;
    }
    return std::nullopt;
  };
  const auto show = [words](const V& value) {
    return std::find_if(words.begin(), words.end(), [&](const auto& word) { return word.second == value; })->first;
  };
  return RuleOf<V>(allowed, take, show);
}

template <class V>
Rule<std::optional<V>> OrNull(Rule<V> rule) {
  const std::string allowed = rule.allowed + ", or null";
  const auto read = [rule, allowed](const Json& value, const std::string& path) -> Result<std::optional<V>> {
    if (value.is_null()) return std::optional<V>();
    Result<V> inner = rule.read(value, path);
    if (!inner) return Refuse(value, path, allowed);
    return std::optional<V>(*std::move(inner));
  };
  const auto show = [rule](const std::optional<V>& value) { return value ? rule.show(*value) : Json(); };
  return Rule<std::optional<V>>{allowed, read, show, nullptr};
}

// A list of at least `least` elements. `elements` names them in the plural.
template <class V>
Rule<std::vector<V>> ListOf(Rule<V> rule, size_t least, const std::string& elements) {
  const std::string allowed = (least == 0 ? "a list of " : "a list of one or more ") + elements;
  const auto read = [rule, least, allowed](const Json& value, const std::string& path) -> Result<std::vector<V>> {
    if (!value.is_array() || value.size() < least) return Refuse(value, path, allowed);
    std::vector<V> list;
    for (size_t i = 0; i < value.size(); i++) {
      Result<V> element = rule.read(value[i], path + "[" + std::to_string(i) + "]");
      if (!element) return Fail(element.error());
      list.push_back(*std::move(element));
    }
    return list;
  };
  const auto show = [rule](const std::vector<V>& list) {
    Json shown = Json::array();
    for (const V& element : list) shown.push_back(rule.show(element));
    return shown;
  };
  Rule<std::vector<V>> list{allowed, read, show, nullptr};
  if (rule.keys_within) list.keys_within = [rule](const std::string& path) { return rule.keys_within(path + "[]"); };
  return list;
}

enum class Need { kOptional, kRequired };

// One key of the section that becomes a T: its name, the member that it sets, what it may be, what it means.
template <class T>
struct Key {
  template <class V>
  Key(std::string key_name, V T::*member, Rule<V> rule, std::string meaning, Need key_need = Need::kOptional)
      : name(std::move(key_name)), need(key_need) {
    set = [member, rule](const Json& value, const std::string& path, T& section) -> Status {
      Result<V> read = rule.read(value, path);
      if (!read) return Fail(read.error());
      section.*member = *std::move(read);
      return {};
    };
    describe = [member, rule, meaning, key_need](const std::string& path) -> std::vector<ConfigKey> {
      if (rule.keys_within) return rule.keys_within(path);
      return {{path, key_need == Need::kRequired ? "required" : rule.show(T().*member).dump(), rule.allowed, meaning}};
    };
  }

  std::string name;
  Need need;
  std::function<Status(const Json& value, const std::string& path, T& section)> set;
  std::function<std::vector<ConfigKey>(const std::string& path)> describe;
};

template <class T>
using KeyTable = std::vector<Key<T>>;

template <class T>
Result<T> ReadSection(const KeyTable<T>& keys, const Json& value, const std::string& path) {
  if (!value.is_object()) return Refuse(value, path, "an object");
  std::vector<std::string> names;
  for (const Key<T>& key : keys) names.push_back(key.name);
  for (const auto& item : value.items()) {
    if (std::find(names.begin(), names.end(), item.key()) == names.end()) return RefuseKey(path, item.key(), names);
  }
  T section;
  for (const Key<T>& key : keys) {
    const std::string key_path = JoinPath(path, key.name);
    const auto given = value.find(key.name);
    if (given == value.end()) {
      if (key.need == Need::kRequired) return Fail(ErrorKind::kInvalidInput, key_path + ": required");
      continue;
    }
    if (Status set = key.set(*given, key_path, section); !set) return Fail(set.error());
  }
  return section;
}

// An object with these keys; those that are not given keep the defaults of T.
template <class T>
Rule<T> Section(KeyTable<T> keys) {
  const auto read = [keys](const Json& value, const std::string& path) { return ReadSection(keys, value, path); };
  const auto keys_within = [keys](const std::string& path) {
    std::vector<ConfigKey> all;
    for (const Key<T>& key : keys) {
      for (ConfigKey& inner : key.describe(JoinPath(path, key.name))) all.push_back(std::move(inner));
    }
    return all;
  };
  return Rule<T>{"an object", read, [](const T&) { return Json::object(); }, keys_within};
}

}  // namespace dashcap
