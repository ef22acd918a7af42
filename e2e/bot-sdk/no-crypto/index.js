module.exports = { StoreType: {} };
