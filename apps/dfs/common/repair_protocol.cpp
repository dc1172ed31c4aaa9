#include "common/repair_protocol.hpp"

#include "common/protocol_encoding.hpp"

#include <algorithm>
#include <utility>

namespace dfs::protocol {

// Not in a namespace without a name, where the lists of the shared header would not find them.

/// The beginning of a text, without the part of a character of UTF-8.
static std::string_view shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most)
    return text;
  auto is_continuation = [&](std::size_t at) { return (text[at] & 0xc0) == 0x80; };
  while (most > 0 && is_continuation(most))
    --most;
  return text.substr(0, most);
}

static void write(writer& out, const task_source& source) {
  out.put(source.fragment);
  write(out, source.bulk);
  out.put(source.node);
}
static void read(reader& in, task_source& source) {
  source.fragment = in.get<std::uint32_t>();
  read(in, source.bulk);
  source.node = in.get<storage_id>();
}

static void write(writer& out, const held_fragment& held) {
  write(out, held.chunk);
  out.put(held.fragment).put(held.generation);
}
static void read(reader& in, held_fragment& held) {
  read(in, held.chunk);
  held.fragment = in.get<std::uint32_t>();
  held.generation = in.get<std::uint64_t>();
}

void write(writer& out, const repair_task& task) {
  out.put(task.id).put(task.kind);
  write(out, task.chunk);
  out.put(task.fragment).put(task.fragment_bytes);
  write_list(out, task.sources);
  out.put(task.policy).put(task.how).put(task.chunk_bytes).put(task.chunk_crc);
  write_optional(out, task.scheme);
}

void read(reader& in, repair_task& task) {
  task.id = in.get<std::uint64_t>();
  task.kind = in.get_enum(task_kind_last);
  read(in, task.chunk);
  task.fragment = in.get<std::uint32_t>();
  task.fragment_bytes = in.get<std::uint64_t>();
  read_list(in, task.sources, task_sources_max);
  task.policy = in.get<policy_id>();
  task.how = in.get_enum(durability_last);
  task.chunk_bytes = in.get<std::uint64_t>();
  task.chunk_crc = in.get<std::uint32_t>();
  read_optional(in, task.scheme);
  auto needs_scheme = task.kind == task_kind::rebuild;
  auto may_have_scheme = needs_scheme || task.kind == task_kind::copy;
  if (task.scheme.has_value() ? !may_have_scheme : needs_scheme)
    in.fail();
}

void write(writer& out, const task_result& result) {
  out.put(result.id).put(result.term).put(result.outcome).put(result.generation);
  out.put(result.failed_source).put(shortened(result.why, result_text_bytes_max));
}

void read(reader& in, task_result& result) {
  result.id = in.get<std::uint64_t>();
  result.term = in.get<std::uint64_t>();
  result.outcome = in.get_enum(task_outcome_last);
  result.generation = in.get<std::uint64_t>();
  result.failed_source = in.get<storage_id>();
  result.why = in.get_string(result_text_bytes_max);
}

void write(writer& out, const slice_request& request) {
  out.put(request.id);
  write(out, request.from_chunk);
  out.put(request.from_fragment);
}

void read(reader& in, slice_request& request) {
  request.id = in.get<std::uint64_t>();
  read(in, request.from_chunk);
  request.from_fragment = in.get<std::uint32_t>();
}

void write(writer& out, const fragment_slice& slice) {
  out.put(slice.id).put(slice.term);
  write(out, slice.from_chunk);
  out.put(slice.from_fragment);
  write_list(out, slice.held);
  out.put(slice.last);
}

/// A slice that isn't in order, or that doesn't begin where it says, would make a master believe
/// that fragments are gone.
void read(reader& in, fragment_slice& slice) {
  slice.id = in.get<std::uint64_t>();
  slice.term = in.get<std::uint64_t>();
  read(in, slice.from_chunk);
  slice.from_fragment = in.get<std::uint32_t>();
  read_list(in, slice.held, slice_fragments_max);
  slice.last = in.get<bool>();
  auto is_before = [](const held_fragment& a, const held_fragment& b) {
    return std::pair{a.chunk, a.fragment} < std::pair{b.chunk, b.fragment};
  };
  auto is_out_of_order = [&](auto& a, auto& b) { return !is_before(a, b); };
  held_fragment first{slice.from_chunk, slice.from_fragment};
  if (!slice.held.empty() && is_before(slice.held.front(), first))
    in.fail();
  if (std::ranges::adjacent_find(slice.held, is_out_of_order) != slice.held.end())
    in.fail();
  if (slice.held.empty() && !slice.last)
    in.fail(); // a requester would ask for the same slice forever
}

void write(writer& out, const scrub_status& status) {
  out.put(status.began_us).put(status.ended_us).put(status.done_bytes).put(status.total_bytes);
  out.put(status.damaged).put(shortened(status.last_finding, finding_bytes_max));
}

void read(reader& in, scrub_status& status) {
  for (auto* number : {&status.began_us, &status.ended_us, &status.done_bytes, &status.total_bytes,
                       &status.damaged})
    *number = in.get<std::uint64_t>();
  status.last_finding = in.get_string(finding_bytes_max);
}

} // namespace dfs::protocol
