-- SPDX-License-Identifier: MIT
-- Load for the lua row: trees of tables, string building, closures.
local scale = tonumber(arg[1])

local function tree(depth)
	if depth == 0 then
		return { value = 1 }
	end
	return { left = tree(depth - 1), right = tree(depth - 1), value = depth }
end

local function sum(node)
	if not node.left then
		return node.value
	end
	return node.value + sum(node.left) + sum(node.right)
end

for round = 1, scale do
	local kept = {}
	for i = 1, 8 do
		kept[i % 3] = tree(13)
		assert(sum(kept[i % 3]) > 0)
	end
	local words = {}
	for i = 1, 60000 do
		words[#words + 1] = "item" .. i .. string.rep("y", i % 40)
	end
	local text = table.concat(words, " ")
	local seen = {}
	for word in text:gmatch("%a+%d+") do
		seen[word] = function() return word end
	end
end
