// What matches what: a value is itself, and an object with `$` says what must be true of it.

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

export function matches(pattern, value) {
  if (isObject(pattern)) {
    const rules = Object.keys(pattern);
    if (rules.some((rule) => rule.startsWith("$"))) {
      return rules.every((rule) => holds(rule, pattern[rule], value));
    }
    return isObject(value) && rules.length === Object.keys(value).length && hasMembers(pattern, value);
  }
  if (Array.isArray(pattern)) {
    return Array.isArray(value) && pattern.length === value.length && pattern.every((wanted, i) => matches(wanted, value[i]));
  }
  return pattern === value;
}

function hasMembers(pattern, object) {
  return Object.keys(pattern).every((key) => Object.hasOwn(object, key) && matches(pattern[key], object[key]));
}

function holds(rule, wanted, value) {
  const has = (list) => wanted.every((one) => list.some((item) => matches(one, item)));
  switch (rule) {
    case "$kind":
      return wanted === kind(value);
    case "$with":
      return isObject(value) && hasMembers(wanted, value);
    case "$has":
      return Array.isArray(value) && has(value);
    case "$set":
      return Array.isArray(value) && has(value) && value.length === wanted.length;
    case "$lacks":
      return Array.isArray(value) && !value.some((item) => wanted.some((one) => matches(one, item)));
    default:
      return false;
  }
}

function kind(value) {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}
