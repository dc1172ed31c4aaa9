#include "edn.hpp"

#include <atoll/sim/history_reader.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <map>

namespace atl::sim {

namespace {

using pair_value = std::pair<register_value, register_value>;

/// The common form of all three formats.
struct event {
  std::size_t line = 0;
  std::uint64_t process = 0;
  std::string type;
  std::string f;
  std::uint64_t key = 0;
  std::variant<std::monostate, register_value, pair_value> value; ///< monostate: something else
};

/// Pairs invocations with their ends.
class collector {
 public:
  status take(const event& entry) {
    auto time = static_cast<std::int64_t>(++read_.events);
    auto problem = [&](std::string_view what) {
      return fail(errc::invalid,
                  fmt::format("line {}: process {}: {}", entry.line, entry.process, what));
    };
    if (entry.type == "invoke") {
      if (open_.contains(entry.process))
        return problem("begins an operation before its last one ended");
      return begin(entry, time, problem);
    }
    if (entry.type != "ok" && entry.type != "fail" && entry.type != "info")
      return problem("the type must be invoke, ok, fail or info, not '" + entry.type + "'");
    auto open = open_.find(entry.process);
    if (open == open_.end())
      return problem("ends an operation that it didn't begin");
    auto& operation = read_.operations[open->second];
    open_.erase(open);
    operation.returned = time;
    operation.outcome = entry.type == "ok"     ? operation_outcome::ok
                        : entry.type == "fail" ? operation_outcome::failed
                                               : operation_outcome::unknown;
    if (operation.kind == operation_kind::read && operation.outcome == operation_outcome::ok) {
      auto* seen = std::get_if<register_value>(&entry.value);
      if (!seen)
        return problem("a read ends with a number or nil");
      operation.result = *seen;
    }
    return {};
  }

  recorded_history finish() {
    for (auto& [process, place] : open_)
      read_.operations[place].outcome = operation_outcome::unknown;
    return std::move(read_);
  }

 private:
  template <class Problem>
  status begin(const event& entry, std::int64_t time, Problem problem) {
    operation made;
    made.client = entry.process;
    made.key = entry.key;
    made.invoked = time;
    made.outcome = operation_outcome::unknown;
    if (entry.f == "read") {
      made.kind = operation_kind::read;
    } else if (entry.f == "write") {
      auto* value = std::get_if<register_value>(&entry.value);
      if (!value || !*value)
        return problem("a write begins with a number");
      made.kind = operation_kind::write;
      made.argument = *value;
    } else if (entry.f == "cas") {
      auto* values = std::get_if<pair_value>(&entry.value);
      if (!values || !values->second)
        return problem("a cas begins with two numbers, [expected new]");
      made.kind = operation_kind::cas;
      made.expected = values->first;
      made.argument = values->second;
    } else {
      return problem("the operation must be read, write or cas, not '" + entry.f + "'");
    }
    open_[entry.process] = read_.operations.size();
    read_.operations.push_back(made);
    read_.lines.push_back(entry.line);
    return {};
  }

  recorded_history read_;
  std::map<std::uint64_t, std::size_t> open_; ///< process → its operation under way
};

// -- EDN, also within the lines of a log --------------------------------------------------------

register_value number_of(const edn& form, bool& fits) {
  if (auto* number = std::get_if<std::int64_t>(&form.value))
    return *number;
  fits = fits && std::holds_alternative<edn::nil>(form.value);
  return std::nullopt;
}

void set_value(event& entry, const edn* value) {
  auto fits = true;
  if (value == nullptr) {
    entry.value = register_value{};
  } else if (auto* list = std::get_if<edn::list>(&value->value); list && list->size() == 2) {
    pair_value both{number_of((*list)[0], fits), number_of((*list)[1], fits)};
    if (fits)
      entry.value = both;
  } else {
    auto single = number_of(*value, fits);
    if (fits)
      entry.value = single;
  }
}

std::string word(const edn* form) {
  if (form != nullptr)
    if (auto* keyword = std::get_if<edn::keyword>(&form->value))
      return keyword->name;
  return {};
}

status take_map(collector& all, const edn& form) {
  auto* process = form.find("process");
  if (process == nullptr)
    return fail(errc::invalid, fmt::format("line {}: an operation without a process", form.line));
  auto* number = std::get_if<std::int64_t>(&process->value);
  if (number == nullptr)
    return {}; // the nemesis
  event entry;
  entry.line = form.line;
  entry.process = static_cast<std::uint64_t>(*number);
  entry.type = word(form.find("type"));
  entry.f = word(form.find("f"));
  set_value(entry, form.find("value"));
  return all.take(entry);
}

result<recorded_history> read_edn(std::string_view text) {
  collector all;
  edn_reader reader{text};
  while (auto form = reader.next()) {
    if (auto* list = std::get_if<edn::list>(&form->value)) {
      for (auto& item : *list)
        if (auto taken = take_map(all, item); !taken)
          return tl::unexpected{taken.error()};
    } else if (auto taken = take_map(all, *form); !taken) {
      return tl::unexpected{taken.error()};
    }
  }
  if (reader.failed())
    return fail(errc::invalid, fmt::format("line {}: this is no EDN", reader.line()));
  return all.finish();
}

// -- the log of a Jepsen run --------------------------------------------------------------------

constexpr std::string_view log_mark = "jepsen.util - ";

/// `4 :invoke :cas [3 0]`
status take_log_line(collector& all, std::string_view rest, std::size_t line) {
  edn_reader reader{rest};
  auto process = reader.next();
  auto* number = process ? std::get_if<std::int64_t>(&process->value) : nullptr;
  if (number == nullptr)
    return {}; // the nemesis, or not an operation
  event entry;
  entry.line = line;
  entry.process = static_cast<std::uint64_t>(*number);
  auto type = reader.next();
  auto f = reader.next();
  entry.type = word(type ? &*type : nullptr);
  entry.f = word(f ? &*f : nullptr);
  auto value = reader.next();
  set_value(entry, value ? &*value : nullptr);
  return all.take(entry);
}

template <class Take>
status each_line(std::string_view text, Take take) {
  for (std::size_t line = 1; !text.empty(); ++line) {
    auto end = text.find('\n');
    if (auto taken = take(text.substr(0, end), line); !taken)
      return taken;
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return {};
}

result<recorded_history> read_log(std::string_view text) {
  collector all;
  auto read = each_line(text, [&](std::string_view line, std::size_t number) -> status {
    auto at = line.find(log_mark);
    return at == line.npos ? status{}
                           : take_log_line(all, line.substr(at + log_mark.size()), number);
  });
  if (!read)
    return tl::unexpected{read.error()};
  return all.finish();
}

// -- JSON, an object a line ---------------------------------------------------------------------

using nlohmann::json;

register_value number_of(const json& value, bool& fits) {
  if (value.is_number_integer())
    return value.get<std::int64_t>();
  fits = fits && value.is_null();
  return std::nullopt;
}

status take_json(collector& all, std::string_view line, std::size_t number) {
  if (line.find_first_not_of(" \t\r") == line.npos)
    return {};
  auto object = json::parse(line, nullptr, false);
  auto text = [&](const char* key) {
    return object.contains(key) && object[key].is_string() ? object[key].get<std::string>()
                                                           : std::string{};
  };
  if (!object.is_object() || !object.contains("process"))
    return fail(errc::invalid,
                fmt::format("line {}: an operation is a JSON object with a process", number));
  if (!object["process"].is_number_unsigned())
    return {};
  event entry;
  entry.line = number;
  entry.process = object["process"].get<std::uint64_t>();
  entry.type = text("type");
  entry.f = text("f");
  if (object.contains("key") && object["key"].is_number_unsigned())
    entry.key = object["key"].get<std::uint64_t>();
  auto value = object.contains("value") ? object["value"] : json{};
  auto fits = true;
  if (value.is_array() && value.size() == 2) {
    pair_value both{number_of(value[0], fits), number_of(value[1], fits)};
    if (fits)
      entry.value = both;
  } else {
    auto single = number_of(value, fits);
    if (fits)
      entry.value = single;
  }
  return all.take(entry);
}

result<recorded_history> read_json_lines(std::string_view text) {
  collector all;
  auto read = each_line(text, [&](std::string_view line, std::size_t number) {
    return take_json(all, line, number);
  });
  if (!read)
    return tl::unexpected{read.error()};
  return all.finish();
}

/// The UTF-8 byte order mark that some editors write.
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

/// Does a JSON object begin here, rather than an EDN map? Its first key is in quotes.
bool looks_like_json(std::string_view text) {
  auto key = text.find_first_not_of(" \t\r\n", 1);
  return text.front() == '{' && key != text.npos && text[key] == '"';
}

} // namespace

result<recorded_history> read_history(std::string_view text) {
  if (text.starts_with(byte_order_mark))
    text.remove_prefix(byte_order_mark.size());
  auto begin = text.find_first_not_of(" \t\r\n,");
  if (begin == text.npos)
    return fail(errc::invalid, "the history is empty");
  if (text.find(log_mark) != text.npos)
    return read_log(text);
  if (looks_like_json(text.substr(begin)))
    return read_json_lines(text);
  if (std::string_view{"[({;#"}.find(text[begin]) != std::string_view::npos)
    return read_edn(text);
  return fail(errc::invalid,
              "this is no history: expected lines with 'jepsen.util - ', EDN maps, or "
              "a JSON object a line");
}

} // namespace atl::sim
