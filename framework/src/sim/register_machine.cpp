#include <atoll/sim/register_machine.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

namespace atl::sim {

namespace {

constexpr std::uint32_t command_magic = 0x73696d63; // "simc"

} // namespace

std::string encode(const register_command& command, std::size_t padding) {
  spi::writer out;
  out.put(command_magic).put(command.tag).put(command.session).put(command.sequence);
  out.put(command.key).put(command.kind).put(command.argument);
  out.put(command.expected.has_value()).put(command.expected.value_or(0));
  auto bytes = out.take();
  bytes.append(padding, '\0');
  return bytes;
}

std::optional<register_command> decode_command(std::string_view bytes) {
  spi::reader in{bytes};
  if (in.get<std::uint32_t>() != command_magic)
    return std::nullopt;
  register_command out;
  out.tag = in.get<std::uint64_t>();
  out.session = in.get<std::uint64_t>();
  out.sequence = in.get<std::uint64_t>();
  out.key = in.get<std::uint64_t>();
  out.kind = in.get_enum(operation_kind::add);
  out.argument = in.get<std::int64_t>();
  auto has_expected = in.get<bool>();
  auto expected = in.get<std::int64_t>();
  if (has_expected)
    out.expected = expected;
  if (!in.ok())
    return std::nullopt;
  return out;
}

std::string describe_command(std::string_view bytes) {
  auto it = decode_command(bytes);
  if (!it)
    return fmt::format("{} bytes", bytes.size());
  switch (it->kind) {
  case operation_kind::read:
    return fmt::format("read k{}", it->key);
  case operation_kind::write:
    return fmt::format("write k{} {}", it->key, it->argument);
  case operation_kind::cas:
    return fmt::format("cas k{} {} to {}", it->key,
                       it->expected ? std::to_string(*it->expected) : "nil", it->argument);
  case operation_kind::add:
    return fmt::format("add k{} {}", it->key, it->argument);
  }
  return {};
}

machine_answer register_machine::execute(const register_command& command) {
  auto& value = registers_[command.key];
  switch (command.kind) {
  case operation_kind::read:
    return {value, true};
  case operation_kind::write:
    value = command.argument;
    return {};
  case operation_kind::cas:
    if (value != command.expected)
      return {{}, false};
    value = command.argument;
    return {};
  case operation_kind::add:
    value = value.value_or(0) + command.argument;
    return {value, true};
  }
  return {};
}

machine_answer register_machine::apply(const spi::committed_entry& entry) {
  if (entry.no_op)
    return {};
  auto command = decode_command(entry.command);
  if (!command)
    return {};
  auto& last = sessions_[command->session];
  if (command->sequence <= last.sequence)
    return last.answer; // a retry
  last = {command->sequence, execute(*command)};
  return last.answer;
}

machine_answer register_machine::read(std::uint64_t key) const {
  auto found = registers_.find(key);
  return {found == registers_.end() ? register_value{} : found->second};
}

} // namespace atl::sim
