/** A card's labels as people type them: separated by commas, each once. A comma itself can be in none. */
export const labelsOf = (text: string): string[] => [...new Set(text.split(",").map((one) => one.trim().replace(/\s+/g, " ")).filter(Boolean))];
