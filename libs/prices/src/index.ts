export { costOf, LIST_PRICES, loadPrices, type ModelPrices, modelPricesField, type RequestTokens } from './model-prices.js';
